package cluster_test

// What the programs serve is linked in. `dev new-service` adds a line.
import (
	_ "github.com/codingflow/rating/proto/rating/v1"
)
