package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// memory is what a process holds, in bytes, and how many files it has open, connections among them.
type memory struct {
	resident int64 // as the system counts it
	heap     int64 // Go's, what is in use after a collection
	stacks   int64 // Go's, of its goroutines
	files    int64
}

// String is what parseMemory reads.
func (m memory) String() string {
	return fmt.Sprintf("%d %d %d %d", m.resident, m.heap, m.stacks, m.files)
}

func parseMemory(text string) (memory, error) {
	var m memory
	var rest string
	if n, _ := fmt.Sscanf(text+" end", "%d %d %d %d %s", &m.resident, &m.heap, &m.stacks, &m.files, &rest); n != 5 || rest != "end" {
		return memory{}, fmt.Errorf("memory %q: want four numbers", text)
	}
	return m, nil
}

// ownMemory returns what this process holds. It collects garbage after it has asked the system, which has its say on all that
// was needed until now. It knows Linux only.
func ownMemory() (memory, error) {
	held := resident()
	if held == 0 {
		return memory{}, errors.New("the memory of a process is known on Linux only")
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return memory{}, err
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return memory{
		resident: held, heap: int64(stats.HeapAlloc), stacks: int64(stats.StackInuse),
		files: int64(len(files)) - 1, // reading the folder opened one
	}, nil
}

// memory asks a process what it holds.
func (p *process) memory() (memory, error) {
	line, err := p.ask(memoryLine)
	if err != nil {
		return memory{}, err
	}
	m, err := parseMemory(line)
	if err != nil {
		return memory{}, fmt.Errorf("ask %s: %w", p.role, err)
	}
	return m, nil
}
