package natsgrpc

import (
	"context"
	"math"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// callSettings is what the call options of one call say.
type callSettings struct {
	headers, trailers []*metadata.MD
	finishers         []func(error)
	forced            encoding.CodecV2
	compressor        encoding.Compressor
	maxSend, maxRecv  int
	waitForReady      bool
	refused           error

	key *keyOption // of the caller
	ids []*string  // that are told the call's id

	start    bool          // the call ends when the queue has its request
	lifetime time.Duration // of a call that is started
	answered []*bool       // that are told whether there was an answer

	observed *clientCall
}

func newCallSettings(options []grpc.CallOption) *callSettings {
	s := &callSettings{maxSend: math.MaxInt32, maxRecv: defaultMaxReceiveSize, lifetime: DefaultLifetime}
	for _, option := range options {
		switch o := option.(type) {
		case grpc.HeaderCallOption:
			s.headers = append(s.headers, o.HeaderAddr)
		case grpc.TrailerCallOption:
			s.trailers = append(s.trailers, o.TrailerAddr)
		case grpc.PeerCallOption:
			o.PeerAddr.Addr = natsAddr{}
		case grpc.OnFinishCallOption:
			s.finishers = append(s.finishers, o.OnFinish)
		case grpc.FailFastCallOption:
			s.waitForReady = !o.FailFast
		case grpc.MaxSendMsgSizeCallOption:
			s.maxSend = o.MaxSendMsgSize
		case grpc.MaxRecvMsgSizeCallOption:
			s.maxRecv = o.MaxRecvMsgSize
		case grpc.ContentSubtypeCallOption:
			if o.ContentSubtype != protoSubtype {
				s.refused = status.Errorf(codes.Internal, "natsgrpc: the content-subtype %q cannot be carried, only %q", o.ContentSubtype, protoSubtype)
			}
		case grpc.ForceCodecV2CallOption:
			s.forced = o.CodecV2
		case grpc.ForceCodecCallOption:
			s.forced = codecV1{o.Codec}
		case grpc.CompressorCallOption:
			s.compress(o.CompressorType)
		case keyOption:
			s.key = &o
		case idOption:
			s.ids = append(s.ids, o.to)
		case answeredOption:
			s.answered = append(s.answered, o.to)
		case startOption:
			s.start = true
		case lifetimeOption:
			if s.lifetime = o.lifetime; o.lifetime <= 0 {
				s.refused = status.Errorf(codes.Internal, "natsgrpc: the lifetime %v is not positive", o.lifetime)
			}
		case grpc.PerRPCCredsCallOption, grpc.AuthorityOverrideCallOption:
			s.refused = status.Errorf(codes.Internal, "natsgrpc: the call option %T cannot be honoured", option)
		}
	}
	return s
}

func (s *callSettings) finish(err error) {
	s.observed.end(err)
	for _, finish := range s.finishers {
		finish(err)
	}
}

// codec returns the codec of the call.
func (s *callSettings) codec() encoding.CodecV2 {
	if s.forced != nil {
		return s.forced
	}
	return encoding.GetCodecV2(protoSubtype)
}

// compress sets the compressor of the request, by its registered name.
func (s *callSettings) compress(name string) {
	s.compressor = nil
	if name == "" || name == encoding.Identity {
		return
	}
	if s.compressor = encoding.GetCompressor(name); s.compressor == nil {
		s.refused = status.Errorf(codes.Internal, "grpc: Compressor is not installed for requested grpc-encoding %q", name)
	}
}

// encode returns the wire form of a request.
func (s *callSettings) encode(args any) ([]byte, error) {
	return marshal(s.codec(), args)
}

// sendable compresses a body, where the caller wants that, and reports one beyond the caller's limit.
func (s *callSettings) sendable(body []byte) ([]byte, error) {
	body, err := compress(s.compressor, body)
	if err == nil && len(body) > s.maxSend {
		err = status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", len(body), s.maxSend)
	}
	return body, err
}

// decode reads an answer: its metadata, and its status or its message.
func (c *Conn) decode(ctx context.Context, m *method, s *callSettings, answer *nats.Msg, reply any) error {
	for _, to := range s.answered {
		*to = true
	}
	header, err := takeMetadata(answer.Header, prefixMetadata)
	if err != nil {
		return wrongAnswer(err)
	}
	trailer, err := takeMetadata(answer.Header, prefixTrailer)
	if err != nil {
		return wrongAnswer(err)
	}
	for _, to := range s.headers {
		*to = header
	}
	for _, to := range s.trailers {
		*to = trailer
	}
	st, err := takeStatus(answer.Header)
	if err != nil {
		return wrongAnswer(err)
	}
	if st != nil {
		return st.Err()
	}
	body, err := takeBody(ctx, c.nc, c.api, m.service, "answer", answer, s.maxRecv)
	if err != nil {
		return err
	}
	if m.kind == query { // others may read the kept answer to a command
		c.freeParts(m.service, answer.Header)
	}
	return unmarshal(s.codec(), body, reply)
}

// codecV1 makes a CodecV2 of the older interface.
type codecV1 struct{ encoding.Codec }

func (c codecV1) Marshal(v any) (mem.BufferSlice, error) {
	data, err := c.Codec.Marshal(v)
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

func (c codecV1) Unmarshal(data mem.BufferSlice, v any) error {
	return c.Codec.Unmarshal(data.Materialize(), v)
}

// natsAddr is the address of a peer: there is a queue in between, so it names no host.
type natsAddr struct{}

func (natsAddr) Network() string { return "nats" }
func (natsAddr) String() string  { return "nats" }
