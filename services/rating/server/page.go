package server

import (
	"context"

	"google.golang.org/protobuf/proto"
)

const (
	// defaultPageSize and maxPageSize are in the comments of the protos.
	defaultPageSize = 50
	maxPageSize     = 1000
	// maxPageBytes is the encoded size beyond which a page ends, whatever its page_size: half of what a NATS message may
	// have by default, so that no page is too large to be answered. AIP-158 allows shorter pages.
	maxPageBytes = 512 << 10
)

// A listRequest asks for a page.
type listRequest interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// A resource has a name.
type resource interface {
	proto.Message
	GetName() string
}

// page returns the page that a request asks for and the token of the next one, "" after the last, or the status of an
// error. It takes resources from fetch, which returns up to limit of them after a name.
func page[R resource](
	ctx context.Context, s *Server, req listRequest, fetch func(ctx context.Context, after string, limit int) ([]R, error),
) (resources []R, next string, err error) {
	after, err := parsePageToken(req)
	if err != nil {
		return nil, "", s.status(ctx, err)
	}
	size := int(req.GetPageSize())
	if size <= 0 {
		size = defaultPageSize
	}
	size = min(size, maxPageSize)
	// One more, to know whether there is a next page.
	resources, err = fetch(ctx, after, size+1)
	if err != nil {
		return nil, "", s.status(ctx, err)
	}
	end := pageEnd(resources[:min(size, len(resources))])
	if end == len(resources) {
		return resources, "", nil
	}
	next, err = newPageToken(req, resources[end-1].GetName())
	if err != nil {
		return nil, "", s.status(ctx, err)
	}
	return resources[:end], next, nil
}

// pageEnd returns how many resources fit on a page; at least one, if there is one.
func pageEnd[R resource](resources []R) int {
	bytes := 0
	for i, resource := range resources {
		if bytes += proto.Size(resource); bytes > maxPageBytes && i > 0 {
			return i
		}
	}
	return len(resources)
}
