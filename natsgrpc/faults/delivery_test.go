package faults_test

import (
	"fmt"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
)

// serviceName is the service that all scenarios call.
const serviceName = "natsgrpctest.v1.EchoService"

// The streams of its queues.
const (
	queryStream   = "QRY_natsgrpctest_v1_EchoService_0"
	commandStream = "CMD_natsgrpctest_v1_EchoService_0"
)

// ackWait is the queues' ack wait, the shortest that natsgrpc has: what a killed worker costs.
const ackWait = time.Second

// delivery is how the calls of a scenario are delivered. All its processes have the same.
type delivery struct {
	Replicas   uint32
	MaxPending uint32
	Attempts   uint32
	Timeout    time.Duration
}

// usual is the delivery of a scenario that sets nothing else. A call may be lost with several workers in a row, by bad
// luck, so it has more attempts and more time than a scenario has faults.
var usual = delivery{Replicas: 1, MaxPending: 1000, Attempts: 20, Timeout: time.Minute}

// descriptors returns the test's service with these options instead of those in its proto file.
func (d delivery) descriptors() (natsgrpc.Descriptors, error) {
	file := protodesc.ToFileDescriptorProto(pb.File_natsgrpctest_v1_echo_proto)
	service := file.GetService()[0]
	queue := &natsgrpcv1.Queue{Replicas: d.Replicas, MaxPending: d.MaxPending, AckWait: durationpb.New(ackWait)}
	proto.SetExtension(service.GetOptions(), natsgrpcv1.E_Service, &natsgrpcv1.ServiceDelivery{Queries: queue, Commands: queue})
	for _, method := range service.GetMethod() {
		proto.SetExtension(method.GetOptions(), natsgrpcv1.E_Method, &natsgrpcv1.MethodDelivery{
			Attempts: d.Attempts,
			Timeout:  durationpb.New(d.Timeout),
			Backoff:  durationpb.New(20 * time.Millisecond),
		})
	}
	described, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", serviceName, err)
	}
	files := &protoregistry.Files{}
	if err := files.RegisterFile(described); err != nil {
		return nil, fmt.Errorf("describe %s: %w", serviceName, err)
	}
	return files, nil
}

// service returns the descriptor of the test's service.
func (d delivery) service() (protoreflect.ServiceDescriptor, error) {
	files, err := d.descriptors()
	if err != nil {
		return nil, err
	}
	found, err := files.FindDescriptorByName(serviceName)
	if err != nil {
		return nil, err
	}
	return found.(protoreflect.ServiceDescriptor), nil
}
