package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A passwordHash is an argon2id hash of a password, with all it takes to compute it
// again.
type passwordHash struct {
	memoryKiB, time uint32
	threads         uint8
	salt, key       []byte
}

// What a new hash costs: well above the floor of OWASP's Password Storage Cheat
// Sheet (19 MiB, two passes), about a tenth of a second.
const (
	newMemoryKiB = 64 << 10
	newTime      = 2
	newThreads   = 1
	saltBytes    = 16
	keyBytes     = 32
)

// maxPassword is how long a password may be, in bytes.
const maxPassword = 1024

// HashPassword returns the argon2id hash of a password, in the form that
// password_hash takes.
func HashPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", maxPassword)
	}
	h := passwordHash{memoryKiB: newMemoryKiB, time: newTime, threads: newThreads, salt: make([]byte, saltBytes)}
	_, _ = rand.Read(h.salt) // never fails, see its documentation
	h.key = h.compute(password, keyBytes)
	return h.String(), nil
}

func (h *passwordHash) compute(password string, bytes int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memoryKiB, h.threads, uint32(bytes))
}

// String returns the hash in the form of the Password Hashing Competition.
func (h *passwordHash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.time, h.threads, b64(h.salt), b64(h.key))
}

// parseHash parses what String returns. What is weaker than OWASP's floor is
// refused, and what would cost more than a sign-in may.
func parseHash(text string) (*passwordHash, error) {
	const advice = "make one with headgate hash-password"
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return nil, errors.New("it is no argon2id hash; " + advice)
	}
	var h passwordHash
	var version int
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return nil, fmt.Errorf("its version is not %d; %s", argon2.Version, advice)
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.time, &h.threads); n != 3 || err != nil {
		return nil, errors.New("it is no argon2id hash; " + advice)
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64:
		return nil, errors.New("its salt or its key is damaged; " + advice)
	case h.memoryKiB < 7<<10 || uint64(h.memoryKiB)*uint64(h.time) < 2*(19<<10) || h.threads < 1:
		return nil, errors.New("it is weaker than 19 MiB in two passes; " + advice)
	case h.memoryKiB > 256<<10 || h.time > 10 || h.threads > 8 || uint64(h.memoryKiB)*uint64(h.time) > 512<<10:
		return nil, errors.New("it would cost more than a sign-in may; " + advice)
	}
	return &h, nil
}

// cost orders hashes by the time they take.
func (h *passwordHash) cost() uint64 { return uint64(h.memoryKiB) * uint64(h.time) }

// A secretOf is what a password is compared with: a hash, or the digest of one that
// a file holds as it is.
type secretOf struct {
	hash   *passwordHash // nil: plain
	digest [sha256.Size]byte
}

// A hashing bounds how many passwords are hashed at a time: each takes the memory
// of its hash, and a processor that samples need.
type hashing chan struct{}

// matches reports whether password is the one that s is of. Where s is plain or
// nil, for nobody, the hash like is computed for nothing, so that the time it takes
// says nothing.
func (h hashing) matches(ctx context.Context, s *secretOf, like *passwordHash, password string) (bool, error) {
	select {
	case h <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-h }()
	if len(password) > maxPassword {
		password = ""
	}
	hash := like
	if s != nil && s.hash != nil {
		hash = s.hash
	}
	ok := subtle.ConstantTimeCompare(hash.compute(password, len(hash.key)), hash.key)
	if s == nil {
		return false, nil
	}
	if s.hash == nil {
		digest := sha256.Sum256([]byte(password))
		ok = subtle.ConstantTimeCompare(digest[:], s.digest[:])
	}
	return ok == 1 && password != "", nil
}
