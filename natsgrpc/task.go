package natsgrpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The acknowledgements of JetStream.
var (
	ackDone       = []byte("+ACK")
	ackTerminate  = []byte("+TERM")
	ackInProgress = []byte("+WPI")
	ackNegative   = []byte("-NAK")
)

// errLost is why a handler is cancelled whose request JetStream gives to another worker.
var errLost = errors.New("natsgrpc: the queue has not answered for an ack wait; another worker has this call")

// errExpired answers a call whose time is over.
var errExpired = status.Error(codes.DeadlineExceeded, "natsgrpc: the deadline passed in the queue")

// errPanic is a handler's panic.
var errPanic = errors.New("panic in the handler")

// task is one delivered request.
type task struct {
	worker *worker
	msg    *nats.Msg
	name   string // of the method
	method string // "/pkg.Service/Method", or the bare name of an unknown one
	id     string
	delivery
	number uint64          // in the ledger
	stream bool            // the request opens a stream
	stray  bool            // another server pulled it and handed it over
	left   bool            // its caller had left before it came
	ctx    context.Context // the handlers', and the span's if there is one
	failed error           // why the attempt has no answer

	mu        sync.Mutex
	cancel    context.CancelCauseFunc
	beat      time.Time // when the last heartbeat was sent
	confirmed time.Time // when the last confirmed one was sent
	lost      bool      // the request is not ours any more: neither answer nor acknowledge
	abandoned error     // why nobody waits for the answer, where that was known before the handler began

	outbox    []*nats.Msg // what streams are to keep before the request is acknowledged; the first waits for its PubAck
	step      int         // how many have got theirs
	published time.Time   // when the first was published last
	settle    []byte      // the acknowledgement that follows
	dead      bool        // the request becomes a dead letter
	waits     bool        // the acknowledgement may wait until another command is answered
	answered  bool        // the stream of answers has the answer already

	encoding string // of the answer's body
}

func newTask(w *worker, msg *nats.Msg) *task {
	now := time.Now()
	t := &task{
		worker: w, ctx: w.run.handlers, msg: msg, name: tokenAt(msg.Subject, 3), id: lastToken(msg.Subject), delivery: parseDelivery(msg.Reply),
		beat: now, confirmed: now, settle: ackDone,
	}
	t.stream = msg.Header.Get(headerStream) != ""
	t.method = t.name
	if fullName, served := w.service.fullNames[t.name]; served {
		t.method = fullName
	}
	return t
}

// outcome is what a handler made of a call.
type outcome struct {
	status          *spb.Status
	body            []byte
	header, trailer metadata.MD
}

func failure(err error) outcome { return outcome{status: status.Convert(err).Proto()} }

// enlist begins the heartbeats of a request. It comes before run.
func (t *task) enlist() { t.left = t.worker.run.ledger.add(t) }

// run takes a request from delivery to its acknowledgement; that of a command's answer comes later, through kept.
func (t *task) run() {
	t.mu.Lock()
	over := t.left || t.lost // while it waited for a slot
	t.mu.Unlock()
	if over {
		t.worker.freeSlot()
		t.forget()
		return
	}
	observed := t.worker.run.server.telemetry.begin(t)
	result, delay, retry := t.perform()
	if errors.Is(t.failed, errUnknownMethod) {
		t.worker.freeSlot()
		t.worker.strays.add(t, observed)
		return
	}
	observed.end(result, t.failed)
	if retry {
		t.worker.freeSlot()
		t.retry(delay)
		t.worker.run.ledger.remove(t)
		return
	}
	t.conclude(result, t.worker.freeSlot)
}

// conclude answers the call. freeSlot is called when the worker may take another.
func (t *task) conclude(result outcome, freeSlot func()) {
	ledger := t.worker.run.ledger
	if t.stream {
		freeSlot()
		t.refuseStream(result)
		ledger.remove(t)
		return
	}
	if t.worker.queue.kind == query {
		freeSlot()
		t.reply(result)
		ledger.remove(t)
		return
	}
	ledger.window <- struct{}{} // frees the slot only while answers reach their stream
	freeSlot()
	t.keep(result)
}

// forget acknowledges a query that nobody waits for, if it is still in hand.
func (t *task) forget() {
	t.mu.Lock()
	t.acknowledge(ackDone)
	t.mu.Unlock()
	t.worker.run.ledger.remove(t)
}

// perform runs the handler, or finds out why it must not run. With retry the call goes back to the queue. A call whose method
// this server does not know fails with errUnknownMethod.
func (t *task) perform() (result outcome, delay time.Duration, retry bool) {
	if t.attempt == 0 {
		return failure(status.Errorf(codes.Internal, "natsgrpc: malformed delivery: reply subject %q", t.msg.Reply)), 0, false
	}
	deadline, limited, err := takeDeadline(t.msg.Header)
	if err != nil {
		return failure(status.Errorf(codes.Internal, "natsgrpc: malformed request: %v", err)), 0, false
	}
	unsure := false // whether it is answered already
	if t.attempt > 1 && t.worker.queue.kind == command && !t.stream {
		if t.answered, err = t.hasAnswer(); t.answered {
			return outcome{}, 0, false
		}
		unsure = err != nil
	}
	if limited && !time.Now().Before(deadline) {
		if unsure {
			return t.goRound(err)
		}
		return failure(errExpired), 0, false
	}
	m, known := t.worker.queue.methods[t.name]
	handler, served := t.worker.service.handlers[t.name]
	streamHandler, streams := t.worker.service.streams[t.name]
	if t.stream {
		served = streams
	}
	if !known || !served || !t.knownVersion() {
		t.failed = errUnknownMethod
		return outcome{}, 0, false
	}
	if t.attempt > m.attempts {
		if unsure { // an answered command is no dead letter
			return t.goRound(err)
		}
		t.settle, t.dead = ackTerminate, true
		t.worker.run.server.logger.ErrorContext(t.ctx, "natsgrpc: every attempt failed", "method", t.method, "request", t.id, "attempts", m.attempts)
		return failure(errorWithReason(codes.Internal, ReasonAttemptsExhausted,
			fmt.Sprintf("natsgrpc: all %d attempts at the call failed", m.attempts))), 0, false
	}
	ctx, cancel := t.context(deadline, limited)
	defer cancel()
	if t.stream {
		return t.handleStream(ctx, streamHandler), 0, false
	}
	result, err = t.handle(ctx, handler)
	if err == nil {
		return result, 0, false
	}
	t.failed = err
	delay, _ = retryDelay(err)
	if delay <= 0 {
		delay = jitter(m.backoffAfter(t.attempt))
	}
	t.worker.run.server.logger.WarnContext(t.ctx, "natsgrpc: an attempt failed", "method", t.method, "request", t.id,
		"attempt", t.attempt, "of", m.attempts, "next_in", delay, "error", err)
	return outcome{}, delay, true
}

// goRound gives the call back to its queue for want of something that another delivery may find.
func (t *task) goRound(cause error) (_ outcome, delay time.Duration, retry bool) {
	t.failed = cause
	return outcome{}, jitter(defaultBackoff << min(t.attempt-1, maxBackoffDoublings)), true
}

// context returns the handler's context: it ends at the request's deadline, when the request is lost to another worker,
// and when a drain gives up.
func (t *task) context(deadline time.Time, limited bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(t.ctx)
	t.mu.Lock()
	t.cancel = cancel
	if t.lost {
		cancel(errLost)
	} else if t.abandoned != nil {
		cancel(t.abandoned)
	}
	t.mu.Unlock()
	ctx = context.WithValue(ctx, requestInfoKey{}, t)
	if !limited {
		return ctx, func() { cancel(nil) }
	}
	ctx, stop := context.WithDeadline(ctx, deadline)
	return ctx, func() { stop(); cancel(nil) }
}

// look sends a heartbeat when it is due, publishes an answer again that was not confirmed, and gives the request up when
// JetStream has not heard of it for an ack wait.
func (t *task) look(now time.Time) {
	ackWait := t.worker.queue.Consumer.AckWait
	nc := t.worker.run.server.nc
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost {
		return
	}
	if now.Sub(t.confirmed) > ackWait*9/10 {
		t.worker.run.server.logger.Error("natsgrpc: the queue does not answer; the call is left to another worker", "method", t.method, "request", t.id)
		t.lose(errLost)
		return
	}
	if now.Sub(t.beat) > ackWait*3/10 {
		t.beat = now
		// A lost heartbeat shows in its missing confirmation.
		_ = nc.PublishRequest(t.msg.Reply, t.worker.run.ledger.heartbeatReply(t, now), ackInProgress)
	}
	if len(t.outbox) > 0 && now.Sub(t.published) > answerRetry {
		t.published = now
		t.worker.run.ledger.missing.Store(true) // a subject that clients listen to has responders without its stream too
		_ = nc.PublishMsg(t.outbox[0])          // likewise
	}
}

// confirm notes that JetStream has heard a heartbeat.
func (t *task) confirm(sent time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sent.After(t.confirmed) {
		t.confirmed = sent
	}
}

// lose gives the request up. A lost answer leaves the window. Called with the lock held.
func (t *task) lose(cause error) {
	t.lost = true
	if t.cancel != nil {
		t.cancel(cause)
	}
	if len(t.outbox) > 0 {
		t.outbox = nil
		t.leave()
	}
}

// abandon cancels the handler of a call that nobody waits for. What it answers is still sent.
func (t *task) abandon(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cancel != nil {
		t.cancel(cause)
		return
	}
	t.abandoned = cause // the handler is about to start
}

// leave removes a command from the ledger and the window.
func (t *task) leave() {
	t.worker.run.ledger.remove(t)
	<-t.worker.run.ledger.window
}

// gone reports whether the request may be another worker's by now: it was given up, the lease has run out, or what is
// published now would wait in the reconnect buffer until it has. Called with the lock held.
func (t *task) gone() bool {
	return t.lost || time.Since(t.confirmed) > t.worker.queue.Consumer.AckWait*9/10 || !t.worker.run.server.nc.IsConnected()
}

// acknowledge settles the request with JetStream, unless it is another worker's by now: a late acknowledgement would
// delete that one's work. A lost acknowledgement is a redelivery.
func (t *task) acknowledge(how []byte) {
	gone := t.gone()
	t.lost = true
	if gone {
		return
	}
	t.worker.run.writer.publish(&nats.Msg{Subject: t.msg.Reply, Data: how})
	if !t.dead && !bytes.HasPrefix(how, ackNegative) {
		freeParts(t.worker.run.writer.publish, t.worker.queue.service, t.msg.Header)
	}
}

// retry asks for another delivery after delay.
func (t *task) retry(delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acknowledge([]byte(`-NAK {"delay": ` + strconv.FormatInt(int64(delay), 10) + `}`))
}

// giveBack asks for another delivery at once, and cancels the handler.
func (t *task) giveBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.outbox) > 0 { // the effect is done and only a PubAck is missing: whoever gets it next finds that out
		t.outbox = nil
		t.leave()
	}
	t.acknowledge(ackNegative)
	if t.cancel != nil {
		t.cancel(errDrained)
	}
}

// reply answers a query.
func (t *task) reply(result outcome) {
	msg := t.message(result)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone() {
		return
	}
	if msg != nil {
		t.worker.run.writer.publish(msg)
	}
	t.acknowledge(t.settle)
}

// keep publishes the answer to a command into its stream, and before it the dead letter if there is to be one. The
// request is acknowledged when the streams have both.
func (t *task) keep(result outcome) {
	var answer *nats.Msg
	if !t.answered {
		answer = t.message(result)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost {
		t.leave()
		return
	}
	if t.dead {
		t.outbox = append(t.outbox, deadLetter(t.msg, t.worker.queue.service, t.name, t.id, t.attempt-1))
	}
	if answer != nil {
		t.outbox = append(t.outbox, answer)
		t.waits = result.status == nil && t.worker.tail.takes(t.worker.queue, len(t.msg.Data))
	}
	t.next()
}

// next publishes what is to be kept next, or acknowledges the request. Called with the lock held.
func (t *task) next() {
	if len(t.outbox) == 0 {
		t.acknowledge(t.settle)
		t.leave()
		return
	}
	msg := t.outbox[0]
	msg.Reply = t.worker.run.ledger.keptReply(t, t.step)
	t.published = time.Now()
	t.worker.run.writer.publish(msg) // look repeats it
}

// kept takes note that a stream has what was published in a step. It reports whether the task is answered and its
// acknowledgement may wait; then settled is what is left to do.
func (t *task) kept(step int) (waits bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.outbox) == 0 || step != t.step {
		return false // of a publish that was repeated
	}
	if t.dead && t.step == 0 {
		t.worker.run.server.telemetry.deadLetter(t)
	}
	t.outbox = t.outbox[1:]
	t.step++
	if t.waits && len(t.outbox) == 0 {
		<-t.worker.run.ledger.window
		return true
	}
	t.next()
	return false
}

// settled acknowledges a command that is answered and has left the window.
func (t *task) settled() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acknowledge(t.settle)
	t.worker.run.ledger.remove(t)
}

// message makes the answer, nil where the request does not say where to send it.
func (t *task) message(result outcome) *nats.Msg {
	to := t.msg.Header.Get(headerReplyTo)
	if !t.mayReplyTo(to) {
		t.worker.run.server.logger.Error("natsgrpc: a request without a valid reply subject", "method", t.method, "request", t.id, "reply_to", to)
		return nil
	}
	msg := &nats.Msg{Subject: to, Header: nats.Header{}, Data: result.body}
	err := errors.Join(putStatus(msg.Header, result.status),
		putMetadata(msg.Header, prefixMetadata, result.header), putMetadata(msg.Header, prefixTrailer, result.trailer))
	if err != nil {
		msg.Header, msg.Data = nats.Header{}, nil
		_ = putStatus(msg.Header, &spb.Status{Code: int32(codes.Internal), Message: err.Error()})
	}
	if t.encoding != "" && len(msg.Data) > 0 {
		msg.Header[headerEncoding] = []string{t.encoding}
	}
	if digest := t.msg.Header.Get(headerDigest); digest != "" {
		msg.Header[headerDigest] = []string{digest}
	}
	if backlog := t.worker.tell(time.Now()); backlog != "" {
		msg.Header[headerBacklog] = []string{backlog}
	}
	ttl := t.keepAnswer()
	if ttl > 0 {
		msg.Header[headerTTL] = []string{wholeSeconds(ttl)}
	}
	whole, err := tooLarge("answer", msg, t.worker.run.server.nc.MaxPayload())
	if whole && len(result.body) > 0 {
		if ttl == 0 {
			ttl = responsesMaxAge
		}
		err = putParts(context.Background(), t.worker.run.server.nc, msg, t.worker.queue.service, wholeSeconds(ttl))
		if errors.Is(err, errPartsFull) { // UNAVAILABLE, since the effect is done: a call with the same key gets the answer later
			err = partsLost("their stream is full", nil)
		}
	}
	if err != nil {
		// An error keeps its code and what it says, without details and metadata.
		short := &spb.Status{Code: result.status.GetCode(), Message: result.status.GetMessage()}
		if short.Code == int32(codes.OK) {
			short = status.Convert(err).Proto()
		}
		short.Message = short.Message[:min(len(short.Message), maxMessage)]
		kept := nats.Header{}
		for _, name := range []string{headerDigest, headerTTL} {
			if values, set := msg.Header[name]; set {
				kept[name] = values
			}
		}
		msg.Header, msg.Data = kept, nil
		_ = putStatus(msg.Header, short)
	}
	return msg
}

// keepAnswer returns how long the answer to a command is to be kept, 0 for as long as the stream of answers does.
func (t *task) keepAnswer() time.Duration {
	m := t.worker.queue.methods[t.name]
	if t.worker.queue.kind == query || m == nil {
		return 0
	}
	return m.keep
}

// mayReplyTo reports whether a reply subject has the form that belongs to this queue, so that a request cannot make a
// server publish elsewhere.
func (t *task) mayReplyTo(subject string) bool {
	service := t.worker.queue.service
	if t.worker.queue.kind == command {
		conn := lastToken(subject)
		return validToken(conn) && subject == responseSubject(service, t.id, conn)
	}
	conn, n := tokenAt(subject, 2), lastToken(subject)
	return validToken(conn) && validToken(n) && subject == replySubject(service, conn, n)
}

// recovered turns a panic into an error and logs where it happened.
func (t *task) recovered(value any) error {
	t.worker.run.server.logger.ErrorContext(t.ctx, "natsgrpc: panic in a handler", "method", t.method, "request", t.id,
		"panic", fmt.Sprint(value), "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %v", errPanic, value)
}
