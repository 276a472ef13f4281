// Package natsgrpcv1 has the options by which an API says how its calls are delivered. Package natsgrpc reads them.
package natsgrpcv1
