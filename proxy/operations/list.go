package operations

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

const (
	// defaultPageSize and maxPageSize are in the proto's comments.
	defaultPageSize = 50
	maxPageSize     = 100
	// maxPageBytes is the encoded size beyond which a page ends, whatever its size.
	maxPageBytes = 1 << 20
	// lookUps is how many answers are looked up at once.
	lookUps = 8
)

// ListOperations lists the operations of the caller.
func (s *Service) ListOperations(ctx context.Context, req *operationsv1.ListOperationsRequest) (*operationsv1.ListOperationsResponse, error) {
	principal, err := principalOf(ctx)
	if err != nil {
		return nil, err
	}
	after, err := parsePageToken(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := min(int(req.GetPageSize()), maxPageSize)
	if size == 0 {
		size = defaultPageSize
	}
	records, err := s.records(ctx, principal, after, size+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, err
	}
	response := &operationsv1.ListOperationsResponse{}
	page, bytes := records[:min(size, len(records))], 0
	for len(page) > 0 && bytes < maxPageBytes {
		some := page[:min(lookUps, len(page))]
		states, err := s.states(ctx, some)
		if err != nil {
			return nil, err
		}
		for i, operation := range states {
			if bytes += proto.Size(operation); bytes > maxPageBytes && len(response.GetOperations()) > 0 {
				break
			}
			if operation != nil {
				response.Operations = append(response.Operations, operation)
			}
			page = page[1:]
			after = some[i].revision
		}
	}
	if after < records.last() {
		response.NextPageToken = strconv.FormatUint(after, 10)
	}
	return response, nil
}

// records are in the order of their revisions.
type records []*record

// last returns the last revision, 0 if there is none.
func (r records) last() uint64 {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].revision
}

// records reads up to n records of a principal after a revision.
func (s *Service) records(ctx context.Context, principal string, after uint64, n int) (records, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var found records
	for len(found) < n {
		r, err := s.bucket.next(ctx, principal, after)
		if err != nil {
			return nil, s.bucketError(ctx, err)
		}
		if r == nil {
			break
		}
		found, after = append(found, r), r.revision
	}
	return found, nil
}

// states returns operations as they are now, nil for those that are gone.
func (s *Service) states(ctx context.Context, of records) ([]*longrunningpb.Operation, error) {
	states, errs := make([]*longrunningpb.Operation, len(of)), make([]error, len(of))
	var group sync.WaitGroup
	for i, r := range of {
		group.Go(func() {
			states[i], errs[i] = s.state(ctx, r, s.conn.Answer)
			if errors.Is(errs[i], errGone) {
				errs[i] = nil
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return states, nil
}

// parsePageToken returns the revision of the last record of the page before.
func parsePageToken(token string) (uint64, error) {
	if token == "" {
		return 0, nil
	}
	after, err := strconv.ParseUint(token, 10, 63)
	if err != nil {
		return 0, invalid("page_token", "is not a token that this method gave")
	}
	return after, nil
}
