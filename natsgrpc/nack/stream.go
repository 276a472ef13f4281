package nack

import (
	"fmt"
	"reflect"

	"github.com/nats-io/nats.go/jetstream"
)

// streamSpec is the part of a Stream's spec that is rendered. Nothing is left out where it is zero.
type streamSpec struct {
	Account       string `yaml:"account"`
	PreventDelete bool   `yaml:"preventDelete"`

	Name                   string   `yaml:"name"`
	Description            string   `yaml:"description"`
	Subjects               []string `yaml:"subjects"`
	Retention              string   `yaml:"retention"`
	Storage                string   `yaml:"storage"`
	Replicas               int      `yaml:"replicas"`
	MaxMsgs                int64    `yaml:"maxMsgs"`
	MaxMsgsPerSubject      int64    `yaml:"maxMsgsPerSubject"`
	MaxBytes               int64    `yaml:"maxBytes"`
	MaxMsgSize             int64    `yaml:"maxMsgSize"`
	MaxAge                 string   `yaml:"maxAge"`
	DuplicateWindow        string   `yaml:"duplicateWindow"`
	Discard                string   `yaml:"discard"`
	DiscardPerSubject      bool     `yaml:"discardPerSubject"`
	DenyDelete             bool     `yaml:"denyDelete"`
	DenyPurge              bool     `yaml:"denyPurge"`
	AllowRollup            bool     `yaml:"allowRollup"`
	AllowDirect            bool     `yaml:"allowDirect"`
	AllowMsgTTL            bool     `yaml:"allowMsgTtl"`
	SubjectDeleteMarkerTTL string   `yaml:"subjectDeleteMarkerTtl"`
}

// Stream returns a Stream for a configuration, which is to be valid for JetStream. The account is the name of an [Account]. The
// name in the metadata is made of the stream's: qry-rating-v1-userservice-0 of QRY_rating_v1_UserService_0.
//
// Errors: a setting that a resource of this package does not carry.
func Stream(metadata Metadata, account string, config jetstream.StreamConfig) (Resource, error) {
	spec := streamSpec{
		Account:                account,
		PreventDelete:          true,
		Name:                   config.Name,
		Description:            config.Description,
		Subjects:               config.Subjects,
		Retention:              retentions[config.Retention],
		Storage:                storages[config.Storage],
		Replicas:               max(config.Replicas, 1),
		MaxMsgs:                unlimited(config.MaxMsgs),
		MaxMsgsPerSubject:      config.MaxMsgsPerSubject,
		MaxBytes:               unlimited(config.MaxBytes),
		MaxMsgSize:             unlimited(int64(config.MaxMsgSize)),
		MaxAge:                 config.MaxAge.String(),
		DuplicateWindow:        config.Duplicates.String(),
		Discard:                discards[config.Discard],
		DiscardPerSubject:      config.DiscardNewPerSubject,
		DenyDelete:             config.DenyDelete,
		DenyPurge:              config.DenyPurge,
		AllowRollup:            config.AllowRollup,
		AllowDirect:            config.AllowDirect,
		AllowMsgTTL:            config.AllowMsgTTL,
		SubjectDeleteMarkerTTL: config.SubjectDeleteMarkerTTL.String(),
	}
	switch {
	case spec.Retention == "":
		return Resource{}, fmt.Errorf("nack: stream %s: Retention %d is not carried", spec.Name, config.Retention)
	case spec.Discard == "":
		return Resource{}, fmt.Errorf("nack: stream %s: Discard %d is not carried", spec.Name, config.Discard)
	case spec.Storage == "":
		return Resource{}, fmt.Errorf("nack: stream %s: Storage %d is not carried", spec.Name, config.Storage)
	}
	for _, carried := range []any{
		&config.Name, &config.Description, &config.Subjects, &config.Retention, &config.Storage, &config.Replicas, &config.MaxMsgs,
		&config.MaxMsgsPerSubject, &config.MaxBytes, &config.MaxMsgSize, &config.MaxAge, &config.Duplicates, &config.Discard,
		&config.DiscardNewPerSubject, &config.DenyDelete, &config.DenyPurge, &config.AllowRollup, &config.AllowDirect,
		&config.AllowMsgTTL, &config.SubjectDeleteMarkerTTL,
	} {
		reflect.ValueOf(carried).Elem().SetZero()
	}
	if err := nothingLeft(config); err != nil {
		return Resource{}, fmt.Errorf("nack: stream %s: %w", spec.Name, err)
	}
	metadata.Name = label(spec.Name)
	return Resource{apiVersion, "Stream", metadata, spec}, nil
}

var (
	retentions = map[jetstream.RetentionPolicy]string{
		jetstream.LimitsPolicy: "limits", jetstream.InterestPolicy: "interest", jetstream.WorkQueuePolicy: "workqueue",
	}
	discards = map[jetstream.DiscardPolicy]string{jetstream.DiscardOld: "old", jetstream.DiscardNew: "new"}
	storages = map[jetstream.StorageType]string{jetstream.FileStorage: "file", jetstream.MemoryStorage: "memory"}
)
