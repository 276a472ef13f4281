package jsonwire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	jsonwiretestv1 "github.com/codingflow/rating/proto/jsonwiretest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// benchMessage is a message that the speed is measured with.
type benchMessage struct {
	name       string
	message    proto.Message
	wire, json []byte
}

// benchMessages returns a small message, a long list, a deep one, and such as are mostly text, maps, or numbers.
func benchMessages(tb testing.TB) []benchMessage {
	tb.Helper()
	messages := []benchMessage{
		{name: "resource", message: newResource(1)},
		{name: "ratings", message: newRatings(1000)},
		{name: "deep", message: newNode(80)},
		{name: "texts", message: newTexts()},
		{name: "maps", message: newMaps()},
		{name: "numbers", message: newSeries()},
	}
	for i := range messages {
		m := &messages[i]
		var err error
		m.wire, err = proto.MarshalOptions{Deterministic: true}.Marshal(m.message)
		require.NoError(tb, err)
		text, err := protojson.Marshal(m.message)
		require.NoError(tb, err)
		m.json = compact(text)
	}
	return messages
}

// at is a time, with milliseconds as most have them, that is n minutes after another.
func at(n int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, time.January, 2, 3, 4, 5, 678e6, time.UTC).Add(time.Duration(n) * time.Minute))
}

func newResource(n int) *jsonwiretestv1.Resource {
	return &jsonwiretestv1.Resource{
		Name:        fmt.Sprintf("projects/example/resources/%d", n),
		DisplayName: "The resource that everyone asks for",
		State:       jsonwiretestv1.State_STATE_ACTIVE,
		Revision:    1234567890123 + int64(n),
		Protected:   true,
		Load:        0.735 + float64(n),
		CreateTime:  at(n),
		UpdateTime:  at(n + 60),
	}
}

func newRatings(n int) *ratingv1.ListRatingsResponse {
	list := &ratingv1.ListRatingsResponse{NextPageToken: "c2l4dHktZm91ciBieXRlcyBvZiBhIHRva2Vu"}
	for i := range n {
		list.Ratings = append(list.Ratings, &ratingv1.Rating{
			Name:       fmt.Sprintf("ratings/%08d", i),
			User:       fmt.Sprintf("users/%d", i%97),
			Service:    fmt.Sprintf("services/%d", i%13),
			Score:      proto.Int32(int32(i % 6)),
			Comment:    "Quick, friendly and on time; I would come again.",
			CreateTime: at(i),
			UpdateTime: at(i + 5),
			Etag:       fmt.Sprintf("%x", i*7919),
		})
	}
	return list
}

func newNode(levels int) *jsonwiretestv1.Node {
	node := &jsonwiretestv1.Node{Name: "leaf"}
	for i := range levels {
		node = &jsonwiretestv1.Node{Name: fmt.Sprintf("node %d", i), Depth: int32(levels - i), Child: node,
			Tags: []string{"a", "b"}}
	}
	return node
}

func newTexts() *jsonwiretestv1.Texts {
	texts := &jsonwiretestv1.Texts{
		Plain:   strings.Repeat("It is a truth universally acknowledged, that a single man needs a parser. ", 50),
		Foreign: strings.Repeat("Zwölf Boxkämpfer jagen Viktor über den Sylter Deich. 日本語の文章もある。", 30),
		Escaped: strings.Repeat("He said: \"C:\\temp\\new\"\n\tand left. ", 30),
	}
	for i := range 50 {
		texts.Lines = append(texts.Lines, fmt.Sprintf("line %d has about as many characters as a line has", i))
	}
	return texts
}

func newMaps() *jsonwiretestv1.Maps {
	maps := &jsonwiretestv1.Maps{Labels: map[string]string{}, Counts: map[string]int64{}, Weights: map[int32]float64{},
		Resources: map[string]*jsonwiretestv1.Resource{}}
	for i := range 100 {
		maps.Labels[fmt.Sprintf("label-%03d", i)] = fmt.Sprintf("value-%d", i)
		maps.Counts[fmt.Sprintf("count-%03d", i)] = int64(i) * 1000003
		maps.Weights[int32(i-50)] = float64(i) / 7
	}
	for i := range 20 {
		maps.Resources[fmt.Sprintf("resource-%03d", i)] = newResource(i)
	}
	return maps
}

func newSeries() *jsonwiretestv1.Series {
	series := &jsonwiretestv1.Series{}
	for i := range 200 {
		series.Doubles = append(series.Doubles, float64(i)*1.1)
		series.Floats = append(series.Floats, float32(i)/3)
		series.Int32S = append(series.Int32S, int32(i*i-5000))
		series.Int64S = append(series.Int64S, int64(i)*1000000007)
		series.Uint64S = append(series.Uint64S, uint64(i)<<40)
		series.Sint64S = append(series.Sint64S, -int64(i)*12345)
		series.Bools = append(series.Bools, i%3 == 0)
		series.States = append(series.States, jsonwiretestv1.State(i%4))
	}
	return series
}
