package config

// Default returns the default of the setting as text.
func (s Setting) Default() string { return s.format(Default()) }
