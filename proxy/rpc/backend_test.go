package rpc_test

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/rpc"
)

// backend serves the services of the tests with handlers that each test sets.
type backend struct {
	mu       sync.Mutex
	handlers handlers
	calls    chan rpc.Call
}

// observe is the handler's observer.
func (b *backend) observe(_ context.Context, call rpc.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls <- call
}

// observed returns a channel with what the observer is told from now on. There is room for more than a test makes.
func (b *backend) observed() <-chan rpc.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = make(chan rpc.Call, 100)
	return b.calls
}

// handlers are those of a test; one that is nil is UNIMPLEMENTED.
type handlers struct {
	unary    func(ctx context.Context, payload []byte) ([]byte, error)
	download func(payload []byte, stream natsgrpctest.DownloadStream) error
	upload   func(stream natsgrpctest.UploadStream) error
	chat     func(stream natsgrpctest.ChatStream) error
}

var errUnset = status.Error(codes.Unimplemented, "the test has no such handler")

func (b *backend) set(h handlers) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers = h
}

func (b *backend) get() handlers {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.handlers
}

func (b *backend) register(registrar grpc.ServiceRegistrar) {
	pb.RegisterEchoServiceServer(registrar, &natsgrpctest.Echo{Handle: func(ctx context.Context, payload []byte) ([]byte, error) {
		if h := b.get(); h.unary != nil {
			return h.unary(ctx, payload)
		}
		return nil, errUnset
	}})
	pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{
		OnDownload: func(payload []byte, stream natsgrpctest.DownloadStream) error {
			if h := b.get(); h.download != nil {
				return h.download(payload, stream)
			}
			return errUnset
		},
		OnUpload: func(stream natsgrpctest.UploadStream) error {
			if h := b.get(); h.upload != nil {
				return h.upload(stream)
			}
			return errUnset
		},
		OnChat: func(stream natsgrpctest.ChatStream) error {
			if h := b.get(); h.chat != nil {
				return h.chat(stream)
			}
			return errUnset
		},
	})
}
