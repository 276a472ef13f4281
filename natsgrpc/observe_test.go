package natsgrpc

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestTheRateOfABacklog(t *testing.T) {
	start := time.Now()
	type told struct {
		after     time.Duration
		pending   int
		delivered uint64
	}
	for _, c := range []struct {
		name  string
		told  []told
		after time.Duration // when a call asks
		want  time.Duration
		known bool
	}{
		{"nothing was told", nil, 0, 0, false},
		{"once is no rate", []told{{0, 100, 1000}}, 0, 0, false},
		{"two are", []told{{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}}, 100 * time.Millisecond, 900 * time.Millisecond, true},
		{"time goes by", []told{{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}}, 500 * time.Millisecond, 500 * time.Millisecond, true},
		{"what is old is not believed", []told{{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}}, 1200 * time.Millisecond, 0, false},
		{"an answer that was overtaken is ignored", []told{{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}, {110 * time.Millisecond, 95, 1005}}, 100 * time.Millisecond, 900 * time.Millisecond, true},
		{"what is told seldom is believed for longer", []told{{0, 100, 1000}, {2 * time.Second, 50, 1010}}, 5 * time.Second, 7 * time.Second, true},
		{"a gap begins anew", []told{{0, 100, 1000}, {10 * time.Second, 50, 1001}}, 10 * time.Second, 0, false},
		{"an empty queue is expected to be faster", []told{
			{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}, {200 * time.Millisecond, 0, 1020},
		}, 200 * time.Millisecond, 0, true},
		{"the rate of a queue that was empty says little", []told{{0, 0, 1000}, {100 * time.Millisecond, 90, 1001}}, 100 * time.Millisecond, 0, false},
		{"and lowers none", []told{
			{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}, {200 * time.Millisecond, 0, 1020}, {300 * time.Millisecond, 50, 1021},
		}, 300 * time.Millisecond, 500 * time.Millisecond, true},
		{"but it can raise one", []told{
			{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}, {200 * time.Millisecond, 0, 1020}, {300 * time.Millisecond, 50, 1120},
		}, 300 * time.Millisecond, 50 * time.Millisecond, true},
		{"an end without a backlog is no rate", []told{{0, 100, 1000}, {3 * time.Second, 0, 1001}}, 3 * time.Second, 0, false},
		{"and lowers none either", []told{
			{0, 100, 1000}, {100 * time.Millisecond, 90, 1010}, {900 * time.Millisecond, 0, 1011}, {950 * time.Millisecond, 50, 1012},
		}, 950 * time.Millisecond, 500 * time.Millisecond, true},
		{"a queue that is made again counts anew", []told{
			{0, 100, 1000}, {100 * time.Millisecond, 90, 1010},
			{2 * time.Second, 100, 1}, {2100 * time.Millisecond, 90, 11},
		}, 2100 * time.Millisecond, 900 * time.Millisecond, true},
	} {
		b := &backlog{}
		for _, told := range c.told {
			b.observe(told.pending, told.delivered, start.Add(told.after))
		}
		got, known := b.wait(start.Add(c.after))
		require.Equal(t, c.known, known, c.name)
		require.InDelta(t, c.want, got, float64(time.Millisecond), c.name)
	}
}

// What the caller has sent since it was told is in the queue too.
func TestABacklogCountsWhatTheCallerSends(t *testing.T) {
	start := time.Now()
	b := &backlog{}
	b.observe(100, 1000, start)
	b.observe(90, 1010, start.Add(100*time.Millisecond))
	for range 10 {
		b.add()
	}
	wait, known := b.wait(start.Add(100 * time.Millisecond))
	require.True(t, known)
	require.InDelta(t, time.Second, wait, float64(time.Millisecond))
	b.observe(0, 1030, start.Add(200*time.Millisecond)) // 130/s by now
	b.add()
	wait, known = b.wait(start.Add(200 * time.Millisecond))
	require.True(t, known)
	require.InDelta(t, time.Second/(2*130), wait, float64(time.Millisecond))
}

// While a caller has no call the queue may be empty, and how many calls it takes is no rate: a caller who comes back would
// take a pause of a fast queue for its slowness.
func TestACallersPauseIsNotTheQueues(t *testing.T) {
	start := time.Now()
	b := &backlog{}
	call := func(ended int) {
		b.add()
		for range ended {
			b.leave(time.Time{})
		}
	}
	call(0)
	b.observe(5, 1000, start)
	call(2)
	b.observe(20, 1004, start.Add(3*time.Second))
	_, known := b.wait(start.Add(3 * time.Second))
	require.False(t, known, "4 in 3 s would be a wait of 15 s")

	call(0)
	b.observe(10, 1014, start.Add(3100*time.Millisecond)) // 100/s
	call(2)
	b.observe(50, 1016, start.Add(3900*time.Millisecond))
	wait, known := b.wait(start.Add(3900 * time.Millisecond))
	require.True(t, known)
	require.InDelta(t, 500*time.Millisecond, wait, float64(time.Millisecond))

	call(0)
	call(1)
	b.observe(40, 1021, start.Add(4*time.Second)) // another call went on: 50/s
	wait, known = b.wait(start.Add(4 * time.Second))
	require.True(t, known)
	require.InDelta(t, 40*time.Second/85, wait, float64(time.Millisecond))
}

func TestAnAnswerTellsOfQueuesInUseOnly(t *testing.T) {
	c := &Conn{}
	used := c.queues.named("cmd.svc.0")
	for _, value := range []string{
		"cmd.svc.0 5 7", "cmd.other.0 5 7", "", "cmd.svc.0", "cmd.svc.0 5", "cmd.svc.0 -1 9", "cmd.svc.0 5 -9", "cmd.svc.0 99999999999 9", "cmd.svc.0 x 9", "cmd.svc.0 5 9 1",
	} {
		c.observe(&nats.Msg{Header: nats.Header{headerBacklog: {value}}})
	}
	require.Equal(t, 5, used.pending)
	require.EqualValues(t, 7, used.delivered)
	names := 0
	c.queues.queues.Range(func(any, any) bool { names++; return true })
	require.Equal(t, 1, names)
}

func TestAProbeTellsOfServicesInUseOnly(t *testing.T) {
	now := time.Now()
	l := &liveness{}
	require.False(t, l.told("svc", false, now), "nobody asked")
	require.Empty(t, l.services)
	require.True(t, l.ask("svc", now))
	require.False(t, l.ask("svc", now.Add(probeInterval-1)))
	require.True(t, l.ask("svc", now.Add(probeInterval)))
	require.True(t, l.told("svc", false, now), "never heard of")
	require.False(t, l.told("svc", true, now))
	require.False(t, l.told("svc", false, now.Add(aliveGrace)))
	require.True(t, l.told("svc", false, now.Add(aliveGrace+1)))
}

func TestACancelledQueryIsRememberedForAWhile(t *testing.T) {
	l := &ledger{tasks: map[uint64]*task{}, queries: map[string]*task{}, left: map[string]time.Time{}}
	queries := &worker{queue: Queue{kind: query}}
	for _, id := range []string{"", "*", "a.b", "a b"} {
		l.cancelled(id)
	}
	require.Empty(t, l.left)
	l.cancelled("early")
	require.True(t, l.add(&task{worker: queries, id: "early"}))
	require.False(t, l.add(&task{worker: queries, id: "another"}))
	l.left["old"] = time.Now().Add(-leftAge)
	require.False(t, l.add(&task{worker: queries, id: "old"}))
	for i := range maxLeft + 10 {
		l.cancelled("id-" + strconv.Itoa(i))
	}
	require.Len(t, l.left, maxLeft)
}

// The caller may leave between the delivery of its query and the start of the handler.
func TestAQueryThatIsCancelledBeforeItsHandlerStartsIsCancelled(t *testing.T) {
	l := &ledger{tasks: map[uint64]*task{}, queries: map[string]*task{}, left: map[string]time.Time{}}
	task := &task{worker: &worker{queue: Queue{kind: query}}, id: "id", ctx: t.Context()}
	require.False(t, l.add(task))
	l.cancelled("id")
	ctx, cancel := task.context(time.Time{}, false)
	defer cancel()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	require.True(t, errors.Is(context.Cause(ctx), errCallerLeft))
}

func TestTheAckSubjectTellsTheDelivery(t *testing.T) {
	want := delivery{attempt: 2, delivered: 30, stored: time.Unix(0, 1700000000000000001), pending: 4}
	for subject, want := range map[string]delivery{
		"$JS.ACK.QRY_svc_0.workers.2.10.30.1700000000000000001.4":             want,
		"$JS.ACK.hub.ACCHASH.QRY_svc_0.workers.2.10.30.1700000000000000001.4": want,
		"$JS.ACK._.ACCHASH.QRY_svc_0.workers.2.10.30.1700000000000000001.4.x": want,

		"":         {},
		"$JS.ACK.": {},
		"_INBOX.x": {},
		"$JS.ACK.QRY_svc_0.workers.2.10.30.1700000000000000001":                      {},
		"$JS.ACK.QRY_svc_0.workers.x.10.30.1700000000000000001.4":                    {},
		"$JS.ACK.QRY_svc_0.workers.-2.10.30.1700000000000000001.4":                   {},
		"$JS.ACK.QRY_svc_0.workers.9223372036854775808.10.30.1700000000000000001.4":  {},
		"$JS.ACK.QRY_svc_0.workers.4294967296.10.30.1700000000000000001.4":           {},
		"$JS.ACK.QRY_svc_0.workers.2.10.30.1700000000000000001.18446744073709551615": {},
		"$JS.ACK.QRY_svc_0.workers.2.10.99999999999999999999.1.4":                    {},
		"$JS.ACK.QRY_svc_0.workers.2..30.1700000000000000001.4":                      {},
	} {
		require.Equal(t, want, parseDelivery(subject), subject)
	}
}

func TestTheHeaderOfPartsIsChecked(t *testing.T) {
	for value, want := range map[string]parts{
		"token 1 1":             {token: "token", count: 1, bytes: 1},
		"token 4096 2147483647": {token: "token", count: 4096, bytes: 2147483647},
	} {
		got, divided, err := takeParts(nats.Header{headerParts: {value}})
		require.NoError(t, err)
		require.True(t, divided)
		require.Equal(t, want, got)
		require.Equal(t, value, got.String())
	}
	for _, value := range []string{" ", "token", "token 1", "token 0 1", "token 4097 1", "token 1 2147483648", "token -1 1", "token 1 -1", "a.b 1 1", "> 1 1", " 1 1", "token 1 1 1"} {
		_, _, err := takeParts(nats.Header{headerParts: {value}})
		require.EqualError(t, err, `header Natsgrpc-Parts: "`+value+`"`)
	}
	_, divided, err := takeParts(nats.Header{})
	require.NoError(t, err)
	require.False(t, divided)
}

// After a restart of the NATS server its window of duplicates does not know what was acknowledged: a request whose PubAck was
// lost must not be published again when it was answered.
func TestARequestIsRepeatedOnlyWithoutAnAnswer(t *testing.T) {
	answer := &nats.Msg{Header: nats.Header{headerReplyTo: {"x"}}}
	away := &nats.Msg{Header: nats.Header{headerStatus: {"14"}}}
	nothing := &nats.Msg{Header: nats.Header{statusHeader: {notFound}}}
	for _, c := range []struct {
		name            string
		kind            kind
		id              string
		queued          bool
		found           *nats.Msg
		looks           bool
		repeats, answer bool
	}{
		{name: "a query is repeated at once", kind: query, repeats: true},
		{name: "one in a queue too, which is in memory", kind: query, queued: true, repeats: true},
		{name: "a command is looked for", kind: command, found: nothing, looks: true, repeats: true},
		{name: "and not repeated where it is answered", kind: command, found: answer, looks: true, answer: true},
		{name: "not even by an error", kind: command, found: away, looks: true, answer: true},
		{name: "nor where a queue has it", kind: command, queued: true, found: nothing, looks: true},
		{name: "one with a key may have an older answer", kind: command, id: "key", found: away, looks: true, repeats: true},
		{name: "that settles it", kind: command, id: "key", found: answer, looks: true, answer: true},
	} {
		look := &nats.Msg{Subject: "look"}
		cs := calls{conn: "conn", byNumber: map[uint64]*call{}, byID: map[string][]*call{}, look: func(*call) *nats.Msg { return look }}
		p, err := cs.begin(&method{kind: c.kind}, c.id, nil)
		require.NoError(t, err)
		request := &nats.Msg{Subject: "request"}
		cs.sent(p, request, false)
		if c.queued {
			cs.acknowledged(p.token, pubAck{})
		}
		repeat := cs.repeat(p)
		if c.looks {
			require.Same(t, look, repeat, c.name)
			repeat = cs.looked(p.token, c.found)
		}
		if c.repeats {
			require.Same(t, request, repeat, c.name)
		} else {
			require.Nil(t, repeat, c.name)
		}
		require.Equal(t, c.answer, len(p.answer) == 1, c.name)
		cs.end(p)
		require.Nil(t, cs.looked(p.token, nothing), "a call that has ended")
	}
}
