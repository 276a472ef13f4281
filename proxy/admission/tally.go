package admission

// tally counts what is in flight, of all clients and of each.
type tally struct {
	total   int
	clients map[Client]int // those that have any
}

func newTally() tally { return tally{clients: map[Client]int{}} }

func (t *tally) add(c Client) {
	t.total++
	t.clients[c]++
}

func (t *tally) remove(c Client) {
	t.total--
	if n := t.clients[c]; n > 1 {
		t.clients[c] = n - 1
	} else {
		delete(t.clients, c)
	}
}
