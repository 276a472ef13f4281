package cluster

// ProgramNames returns the names of the programs that serve.
func ProgramNames() []string {
	var names []string
	for _, program := range programs {
		names = append(names, program.name)
	}
	return names
}
