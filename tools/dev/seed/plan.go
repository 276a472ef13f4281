package seed

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

const (
	// MaxUsers bounds the users of a plan, which is in memory as a whole: 40 bytes for each rating.
	MaxUsers = 100_000
	// MaxServices bounds the services.
	MaxServices = 10_000
	// MaxRatings bounds the ratings.
	MaxRatings = 1_000_000
)

// Plan says what to create.
type Plan struct {
	// Seed chooses the data: the same seed makes the same.
	Seed uint64
	// Users, Services and Ratings are how many of each there are. A user rates a service once at most.
	Users, Services, Ratings int
}

// Check reports what is wrong with the plan.
func (p Plan) Check() error {
	for _, count := range []struct {
		name  string
		value int
		most  int
	}{{"users", p.Users, MaxUsers}, {"services", p.Services, MaxServices}, {"ratings", p.Ratings, MaxRatings}} {
		if count.value < 0 || count.value > count.most {
			return fmt.Errorf("%s: %d is not within 0 and %d", count.name, count.value, count.most)
		}
	}
	if pairs := p.Users * p.Services; p.Ratings > pairs {
		return fmt.Errorf("ratings: %d are more than the %d that %d users can give %d services, each once", p.Ratings, pairs, p.Users, p.Services)
	}
	if p.Users+p.Services == 0 {
		return errors.New("users and services: there is nothing to create")
	}
	return nil
}

// stream names the random numbers of one thing, so that those of others do not depend on them.
type stream uint64

const (
	userStream stream = iota + 1
	serviceStream
	ratingStream
)

// random returns the random numbers of the thing with an index.
func (p Plan) random(of stream, index int) *rand.Rand {
	return rand.New(rand.NewPCG(p.Seed, uint64(of)<<32|uint64(index)))
}

// user returns the user with an index. It depends on nothing but that and the seed.
func (p Plan) user(index int) *ratingv1.User {
	r := p.random(userStream, index)
	given, family := pick(r, givenNames), pick(r, familyNames)
	return &ratingv1.User{
		DisplayName: given + " " + family,
		Email:       fmt.Sprintf("%s.%s%d@example.com", mailName(given), mailName(family), index+1),
	}
}

// service returns the service with an index, and what people think of it.
func (p Plan) service(index int) (*ratingv1.Service, opinion) {
	r := p.random(serviceStream, index)
	k := pick(r, kinds)
	name := pick(r, k.first) + " " + pick(r, k.second)
	return &ratingv1.Service{DisplayName: name, Description: pick(r, k.descriptions)}, newOpinion(r, k)
}

// opinion is how the scores of a service are distributed.
type opinion struct {
	weights [6]float64 // of the scores from 0 to 5
	kind    kind
}

// newOpinion returns a bell around a mean of its own; every sixth service is one that people love or hate.
func newOpinion(r *rand.Rand, k kind) opinion {
	o := opinion{kind: k}
	mean, width := 2+2.8*r.Float64(), 0.6+0.6*r.Float64()
	divides := r.IntN(6) == 0
	for score := range o.weights {
		distance := float64(score) - mean
		if divides {
			distance = math.Min(math.Abs(float64(score)-0.7), math.Abs(float64(score)-4.8))
		}
		o.weights[score] = math.Exp(-distance * distance / (2 * width * width))
	}
	return o
}

// score returns a score.
func (o opinion) score(r *rand.Rand) int32 {
	var sum float64
	for _, weight := range o.weights {
		sum += weight
	}
	at := r.Float64() * sum
	for score, weight := range o.weights {
		if at -= weight; at < 0 {
			return int32(score)
		}
	}
	return 5
}

// rating is a rating by the indexes of its user and its service.
type rating struct {
	user, service int
	score         int32
	comment       string
}

// ratings returns the ratings, those of a service one after the other: the first services have the most.
func (p Plan) ratings() []rating {
	var all []rating
	for service, count := range p.shares() {
		r := p.random(ratingStream, service)
		_, thought := p.service(service)
		users := r.Perm(p.Users)[:count]
		slices.Sort(users)
		for _, user := range users {
			score := thought.score(r)
			all = append(all, rating{user: user, service: service, score: score, comment: comment(r, thought.kind, score)})
		}
	}
	return all
}

// shares returns how many ratings each service has: shares as of popularity (Zipf's law), each at most one of each user.
func (p Plan) shares() []int {
	shares := make([]int, p.Services)
	var sum float64
	for i := range shares {
		sum += 1 / float64(i+2)
	}
	left := p.Ratings
	for i := range shares {
		shares[i] = min(p.Users, int(float64(p.Ratings)/float64(i+2)/sum))
		left -= shares[i]
	}
	for i := 0; left > 0; i = (i + 1) % len(shares) { // what rounding and the bound have left over
		if shares[i] < p.Users {
			shares[i]++
			left--
		}
	}
	return shares
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
