package sqlite

import (
	"context"
	"database/sql"

	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	// The aggregates read one row for each score that the service was given: at most six.
	serviceColumns = `
id, display_name, description, create_time, update_time, etag,
(SELECT coalesce(sum(score * count), 0) FROM score_counts WHERE service_id = services.id),
(SELECT coalesce(sum(count), 0) FROM score_counts WHERE service_id = services.id)`

	selectService = `SELECT ` + serviceColumns + ` FROM services WHERE id = ?`

	selectServices = `SELECT ` + serviceColumns + ` FROM services WHERE id > ? ORDER BY id LIMIT ?`

	// The inner query sorts the ids of all that match, from the index alone; only the page's rows are read. INDEXED BY,
	// because the planner does not know how few a prefix selects and may read the whole table instead.
	selectServicesByPrefix = `
SELECT ` + serviceColumns + ` FROM services WHERE id IN (
    SELECT id FROM services INDEXED BY services_by_display_name
    WHERE display_name_key >= ? AND display_name_key < ? AND id > ? ORDER BY id LIMIT ?
) ORDER BY id`

	// A row for each score that was given, or one of NULLs; none when there is no such service.
	selectScoreCounts = `
SELECT score, count FROM services LEFT JOIN score_counts ON service_id = id WHERE id = ? ORDER BY score`

	insertService = `
INSERT INTO services (id, display_name, display_name_key, description, create_time, update_time, etag, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''))`

	updateService = `
UPDATE services SET display_name = ?, display_name_key = ?, description = ?, update_time = ?, etag = ? WHERE id = ?`

	deleteService = `DELETE FROM services WHERE id = ?`

	serviceExists          = `SELECT EXISTS (SELECT 1 FROM services WHERE id = ?)`
	serviceHasRatings      = `SELECT EXISTS (SELECT 1 FROM ratings WHERE service_id = ?)`
	deleteRatingsByService = `DELETE FROM ratings WHERE service_id = ?`
	deleteScoreCounts      = `DELETE FROM score_counts WHERE service_id = ?`
)

func scanService(row scanner) (*ratingv1.Service, error) {
	var id string
	var created, updated, total int64
	var service ratingv1.Service
	err := row.Scan(&id, &service.DisplayName, &service.Description, &created, &updated, &service.Etag,
		&total, &service.RatingCount)
	if err != nil {
		return nil, err
	}
	service.Name = store.Services.Name(id)
	service.CreateTime, service.UpdateTime = timestamp(created), timestamp(updated)
	service.AverageScore = store.Average(total, service.RatingCount)
	return &service, nil
}

// GetService implements [store.Reader].
func (r reader) GetService(ctx context.Context, name string) (*ratingv1.Service, error) {
	return get(ctx, r.q, store.Services, name, selectService, scanService)
}

// ListServices implements [store.Reader].
func (r reader) ListServices(ctx context.Context, query store.ServiceQuery) ([]*ratingv1.Service, error) {
	start, err := after(store.Services, query.After)
	if err != nil {
		return nil, err
	}
	if query.DisplayNamePrefix == "" {
		return list(ctx, r.q, store.Services, scanService, selectServices, start, query.Limit)
	}
	from, to := keyRange(query.DisplayNamePrefix)
	return list(ctx, r.q, store.Services, scanService, selectServicesByPrefix, from, to, start, query.Limit)
}

// GetRatingSummary implements [store.Reader].
func (r reader) GetRatingSummary(ctx context.Context, name string) (*ratingv1.RatingSummary, error) {
	type scoreCount struct{ score, count sql.NullInt64 }
	id, err := store.Services.ID(name)
	if err != nil {
		return nil, err
	}
	rows, err := list(ctx, r.q, store.Services, func(row scanner) (c scoreCount, err error) {
		return c, row.Scan(&c.score, &c.count)
	}, selectScoreCounts, id)
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, &store.ResourceError{Name: name, Err: store.ErrNotFound}
	}
	var counts [store.MaxScore + 1]int64
	for _, row := range rows {
		if row.score.Valid {
			counts[row.score.Int64] = row.count.Int64
		}
	}
	return store.NewRatingSummary(name, counts), nil
}

// CreateService implements [store.Tx].
func (t tx) CreateService(ctx context.Context, service *ratingv1.Service, owner string) (*ratingv1.Service, error) {
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	micros := now()
	created := &ratingv1.Service{
		Name:        store.Services.Name(id),
		DisplayName: service.GetDisplayName(),
		Description: service.GetDescription(),
		CreateTime:  timestamp(micros),
		UpdateTime:  timestamp(micros),
		Etag:        store.NewEtag(),
	}
	err = execute(ctx, t.q, "create service", insertService,
		id, created.DisplayName, store.Fold(created.DisplayName), created.Description, micros, micros, created.Etag, owner)
	if err != nil {
		return nil, err
	}
	return created, nil
}

// UpdateService implements [store.Tx].
func (t tx) UpdateService(ctx context.Context, name, etag string, change func(*ratingv1.Service) error) (*ratingv1.Service, error) {
	current, id, err := getToChange(ctx, t.q, store.Services, name, etag, selectService, scanService)
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
	micros := now()
	current.DisplayName, current.Description = changed.DisplayName, changed.Description
	current.UpdateTime, current.Etag = timestamp(micros), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateService,
		current.DisplayName, store.Fold(current.DisplayName), current.Description, micros, current.Etag, id)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteService implements [store.Tx].
func (t tx) DeleteService(ctx context.Context, name, etag string, force bool) error {
	_, id, err := getToChange(ctx, t.q, store.Services, name, etag, selectService, scanService)
	if err != nil {
		return err
	}
	if force {
		// The counts go first, so that the trigger has none to keep for each rating.
		err = execute(ctx, t.q, "delete the scores of "+name, deleteScoreCounts, id)
		if err == nil {
			err = execute(ctx, t.q, "delete the ratings of "+name, deleteRatingsByService, id)
		}
	} else {
		err = checkUnrated(ctx, t.q, name, serviceHasRatings, id)
	}
	if err != nil {
		return err
	}
	return execute(ctx, t.q, "delete "+name, deleteService, id)
}
