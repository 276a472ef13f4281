package faults_test

import "context"

// clientRole is a process that makes calls.
type clientRole struct{ URL string }

func (r *clientRole) play(context.Context) error { return nil }
