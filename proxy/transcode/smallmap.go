package transcode

// smallMap is a map of strings that mostly has a few entries. These are in a list, which touches less memory than a map
// does; more are in a map. The zero smallMap is empty.
type smallMap[V any] struct {
	list []smallMapEntry[V]
	all  map[string]V // nil while the list holds all
}

type smallMapEntry[V any] struct {
	key   string
	value V
}

// maxSmallMap is the length of a list at which a map is as fast: the size of one of the map's own groups.
const maxSmallMap = 8

func (m *smallMap[V]) get(key string) (value V, ok bool) {
	if m.all != nil {
		value, ok = m.all[key]
		return value, ok
	}
	for i := range m.list {
		if m.list[i].key == key {
			return m.list[i].value, true
		}
	}
	return value, false
}

func (m *smallMap[V]) set(key string, value V) {
	if m.all != nil {
		m.all[key] = value
		return
	}
	for i := range m.list {
		if m.list[i].key == key {
			m.list[i].value = value
			return
		}
	}
	m.list = append(m.list, smallMapEntry[V]{key, value})
	if len(m.list) > maxSmallMap {
		m.all = make(map[string]V, len(m.list))
		for _, entry := range m.list {
			m.all[entry.key] = entry.value
		}
		m.list = nil
	}
}

// keys calls yield with each key, in any order.
func (m *smallMap[V]) keys(yield func(string) bool) {
	for key := range m.all {
		if !yield(key) {
			return
		}
	}
	for _, entry := range m.list {
		if !yield(entry.key) {
			return
		}
	}
}
