package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	// As a subquery and not as a join, which the planner might make by walking both tables from their start, however deep the
	// page is.
	serviceColumns = `id, display_name, description, create_time, update_time, etag,
(SELECT ` + scoreCounts + ` FROM score_counts WHERE service_id = services.id)`

	scoreCounts = `ARRAY[count_0, count_1, count_2, count_3, count_4, count_5]`

	selectService         = `SELECT ` + serviceColumns + ` FROM services WHERE id = $1::uuid`
	selectServiceToUpdate = selectService + ` FOR NO KEY UPDATE`
	selectServiceToDelete = selectService + ` FOR UPDATE`

	selectServices = `SELECT ` + serviceColumns + ` FROM services WHERE id > $1::uuid ORDER BY id LIMIT $2::int`

	// See selectUsersByPrefix.
	selectServicesByPrefix = `
WITH matches AS MATERIALIZED (
    SELECT id FROM services WHERE display_name_key >= $1::text AND display_name_key < $2::text AND id > $3::uuid
)
SELECT found.* FROM (SELECT id FROM matches ORDER BY id LIMIT $4::int) AS page
CROSS JOIN LATERAL (SELECT ` + serviceColumns + ` FROM services WHERE id = page.id OFFSET 0) AS found
ORDER BY page.id`

	selectScoreCounts = `SELECT ` + scoreCounts + ` FROM score_counts WHERE service_id = $1::uuid`

	insertService = `
INSERT INTO services (id, display_name, display_name_key, description, create_time, update_time, etag, owner)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::timestamptz, $5::timestamptz, $6::text, nullif($7::text, ''))`

	updateService = `
UPDATE services SET display_name = $2::text, display_name_key = $3::text, description = $4::text,
    update_time = $5::timestamptz, etag = $6::text
WHERE id = $1::uuid`

	deleteService = `DELETE FROM services WHERE id = $1::uuid`

	serviceHasRatings = `SELECT EXISTS (SELECT 1 FROM ratings WHERE service_id = $1::uuid)`
	// In the order of ids, in which everybody locks ratings.
	deleteRatingsByService = `
DELETE FROM ratings WHERE id IN (SELECT id FROM ratings WHERE service_id = $1::uuid ORDER BY id FOR UPDATE)`
)

func scanService(row pgx.CollectableRow) (*ratingv1.Service, error) {
	var id string
	var created, updated time.Time
	var counts [store.MaxScore + 1]int64
	var service ratingv1.Service
	err := row.Scan(&id, &service.DisplayName, &service.Description, &created, &updated, &service.Etag, &counts)
	if err != nil {
		return nil, err
	}
	service.Name = store.Services.Name(id)
	service.CreateTime, service.UpdateTime = timestamp(created), timestamp(updated)
	summary := store.NewRatingSummary(service.Name, counts)
	service.AverageScore, service.RatingCount = summary.GetAverageScore(), summary.GetRatingCount()
	return &service, nil
}

// GetService implements [store.Reader].
func (r reader) GetService(ctx context.Context, name string) (*ratingv1.Service, error) {
	return read(ctx, r.read, func(q querier) (*ratingv1.Service, error) {
		return get(ctx, q, store.Services, name, selectService, scanService)
	})
}

// ListServices implements [store.Reader].
func (r reader) ListServices(ctx context.Context, query store.ServiceQuery) ([]*ratingv1.Service, error) {
	start, err := after(store.Services, query.After)
	if err != nil {
		return nil, err
	}
	if query.DisplayNamePrefix == "" {
		return list(ctx, r.read, store.Services, scanService, selectServices, start, query.Limit)
	}
	from, to := keyRange(query.DisplayNamePrefix)
	return list(ctx, r.read, store.Services, scanService, selectServicesByPrefix, from, to, start, query.Limit)
}

// GetRatingSummary implements [store.Reader].
func (r reader) GetRatingSummary(ctx context.Context, name string) (*ratingv1.RatingSummary, error) {
	return read(ctx, r.read, func(q querier) (*ratingv1.RatingSummary, error) {
		return get(ctx, q, store.Services, name, selectScoreCounts, func(row pgx.CollectableRow) (*ratingv1.RatingSummary, error) {
			var counts [store.MaxScore + 1]int64
			err := row.Scan(&counts)
			return store.NewRatingSummary(name, counts), err
		})
	})
}

// CreateService implements [store.Tx].
func (t tx) CreateService(ctx context.Context, service *ratingv1.Service, owner string) (*ratingv1.Service, error) {
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	now := now()
	created := &ratingv1.Service{
		Name:        store.Services.Name(id),
		DisplayName: service.GetDisplayName(),
		Description: service.GetDescription(),
		CreateTime:  timestamp(now),
		UpdateTime:  timestamp(now),
		Etag:        store.NewEtag(),
	}
	err = execute(ctx, t.q, "create service", insertService,
		id, created.DisplayName, store.Fold(created.DisplayName), created.Description, now, created.Etag, owner)
	if err != nil {
		return nil, err
	}
	return created, nil
}

// UpdateService implements [store.Tx].
func (t tx) UpdateService(ctx context.Context, name, etag string, change func(*ratingv1.Service) error) (*ratingv1.Service, error) {
	current, id, err := getToChange(ctx, t.q, store.Services, name, etag, selectServiceToUpdate, scanService)
	if err != nil {
		return nil, err
	}
	changed := proto.CloneOf(current)
	if err := change(changed); err != nil {
		return nil, err
	}
	if changed.DisplayName == current.DisplayName && changed.Description == current.Description {
		return current, nil
	}
	now := now()
	current.DisplayName, current.Description = changed.DisplayName, changed.Description
	current.UpdateTime, current.Etag = timestamp(now), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateService,
		id, current.DisplayName, store.Fold(current.DisplayName), current.Description, now, current.Etag)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteService implements [store.Tx].
func (t tx) DeleteService(ctx context.Context, name, etag string, force bool) error {
	_, id, err := getToChange(ctx, t.q, store.Services, name, etag, selectServiceToDelete, scanService)
	if err != nil {
		return err
	}
	if force {
		err = execute(ctx, t.q, "delete the ratings of "+name, deleteRatingsByService, id)
	} else {
		err = checkUnrated(ctx, t.q, name, serviceHasRatings, id)
	}
	if err != nil {
		return err
	}
	return execute(ctx, t.q, "delete "+name, deleteService, id)
}
