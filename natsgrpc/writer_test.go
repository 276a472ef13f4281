package natsgrpc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestTheWriterKeepsTheOrderOfEachCaller(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	sub, err := nc.SubscribeSync("order.*")
	require.NoError(t, err)
	w := newWriter(nc, func(_ *nats.Msg, err error) { t.Errorf("publish: %v", err) })
	const callers, messages = 8, 1000
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range messages {
				w.publish(&nats.Msg{Subject: fmt.Sprint("order.", caller), Data: fmt.Append(nil, i)})
			}
		})
	}
	group.Wait()
	w.close() // publishes what is left
	next := map[string]int{}
	for range callers * messages {
		msg, err := sub.NextMsg(10 * time.Second)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(next[msg.Subject]), string(msg.Data), msg.Subject)
		next[msg.Subject]++
	}
}

func TestTheWriterTellsWhatItCannotPublish(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	type failure struct {
		subject string
		err     error
	}
	failures := make(chan failure, 10)
	w := newWriter(nc, func(msg *nats.Msg, err error) { failures <- failure{msg.Subject, err} })
	sub, err := nc.SubscribeSync("good")
	require.NoError(t, err)
	w.publish(&nats.Msg{Subject: "large", Data: make([]byte, nc.MaxPayload()+1)})
	w.publish(&nats.Msg{Subject: ""})
	w.publish(&nats.Msg{Subject: "good"})
	_, err = sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, failure{"large", nats.ErrMaxPayload}, <-failures)
	require.Equal(t, failure{"", nats.ErrBadSubject}, <-failures)
	w.close()
	w.close() // once more is nothing
	w.publish(&nats.Msg{Subject: "late"})
	require.Equal(t, failure{"late", nats.ErrConnectionClosed}, <-failures)
}

func TestTheWriterCanBeClosedWhileOthersPublish(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	sub, err := nc.SubscribeSync("s")
	require.NoError(t, err)
	var failed atomic.Int32
	w := newWriter(nc, func(*nats.Msg, error) { failed.Add(1) })
	const messages = 2000
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range messages {
				w.publish(&nats.Msg{Subject: "s"})
			}
		})
	}
	w.close()
	group.Wait()
	require.NoError(t, nc.Flush())
	came, _, err := sub.Pending()
	require.NoError(t, err)
	require.Equal(t, 4*messages, came+int(failed.Load()), "each is published or told")
}
