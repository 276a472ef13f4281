// Package authv1 has the options by which an API says who may call its methods. The proxy reads them, see proxy/auth.
package authv1
