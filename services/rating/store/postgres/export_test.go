//go:build integration

package postgres

import "github.com/jackc/pgx/v5"

// Lists are the statements that read a page.
var Lists = map[string]string{
	"users":                selectUsers,
	"services":             selectServices,
	"ratings":              selectRatings,
	"ratings by user":      selectRatingsByUser,
	"ratings of a service": selectRatingsByService,
	"users by prefix":      selectUsersByPrefix,
	"services by prefix":   selectServicesByPrefix,
}

// Gets are the statements that read one resource, by its id or its owner.
var Gets = map[string]string{
	"user":     selectUser,
	"own user": selectUserByOwner,
	"service":  selectService,
	"summary":  selectScoreCounts,
	"rating":   selectRating,
}

// ConnConfig returns how a store connects.
func ConnConfig(url string) (*pgx.ConnConfig, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	return config.ConnConfig, nil
}

// NewestStep returns the version of the schema after all steps.
var NewestStep = newestStep
