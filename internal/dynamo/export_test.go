package dynamo

import "time"

// Now returns the time by the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// PackDictionary is part of the format of packed bodies.
var PackDictionary = packDictionary
