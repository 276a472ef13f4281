// Package jsonwiretestv1 has messages of every shape to test and measure proxy/jsonwire with.
package jsonwiretestv1
