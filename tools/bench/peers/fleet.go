package main

import (
	"context"
	"errors"
	"slices"
)

// fleet is processes that run side by side.
type fleet struct {
	profile string // the folder for their profiles; none are made without
	all     []*process
}

// start runs a process more and waits until it serves.
func (f *fleet) start(ctx context.Context, role string, args ...string) (*process, error) {
	if f.profile != "" {
		args = append(args, "--profile="+f.profile)
	}
	p, err := start(ctx, role, args...)
	if err != nil {
		return nil, err
	}
	f.all = append(f.all, p)
	return p, nil
}

// stop ends all processes, the last started first.
func (f *fleet) stop() error {
	var errs []error
	for _, p := range slices.Backward(f.all) {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// usages asks processes what they have taken.
func usages(of []*process) ([]usage, error) {
	all := make([]usage, len(of))
	for i, p := range of {
		u, err := p.usage()
		if err != nil {
			return nil, err
		}
		all[i] = u
	}
	return all, nil
}
