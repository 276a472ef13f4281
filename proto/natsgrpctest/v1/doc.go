// Package natsgrpctestv1 has services to test and measure package natsgrpc with.
package natsgrpctestv1
