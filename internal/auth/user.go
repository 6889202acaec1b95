package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Settings are the section auth with all its secrets read. They are immutable: any
// goroutine may use them.
type Settings struct {
	Config
	ClientSecret string // of Config.OIDC

	users map[string]*user
	like  *passwordHash // what checking a password costs where there is no hash
}

type user struct {
	actor  Actor
	secret secretOf
}

// Load reads the files that c names; c is valid. Errors never show a secret.
func Load(c Config) (*Settings, error) {
	s := &Settings{Config: c, users: map[string]*user{}}
	s.like = &passwordHash{memoryKiB: newMemoryKiB, time: newTime, threads: newThreads, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	var errs []error
	for i, uc := range c.Users {
		u := &user{actor: Actor{Name: uc.Name, Role: uc.Role, Tenants: uc.Tenants, Teams: uc.Teams}}
		var err error
		if u.secret, err = uc.secret(); err != nil {
			errs = append(errs, fmt.Errorf("users: number %d: %w", i+1, err))
			continue
		}
		if h := u.secret.hash; h != nil && h.cost() > s.like.cost() {
			s.like = h
		}
		s.users[uc.Name] = u
	}
	if c.OIDC != nil && c.OIDC.ClientSecretFile != "" {
		var err error
		if s.ClientSecret, err = secret(c.OIDC.ClientSecretFile); err != nil {
			errs = append(errs, fmt.Errorf("oidc: client_secret_file: %w", err))
		}
	}
	return s, errors.Join(errs...)
}

// secret returns what a user's password is compared with.
func (u *UserConfig) secret() (secretOf, error) {
	if u.PasswordFile == "" {
		h, err := parseHash(u.PasswordHash)
		return secretOf{hash: h}, err
	}
	text, err := secret(u.PasswordFile)
	if err != nil {
		return secretOf{}, fmt.Errorf("password_file: %w", err)
	}
	if !strings.HasPrefix(text, "$argon2") {
		if len(text) > maxPassword {
			return secretOf{}, fmt.Errorf("password_file: the password is longer than %d bytes", maxPassword)
		}
		return secretOf{digest: sha256.Sum256([]byte(text))}, nil
	}
	h, err := parseHash(text)
	if err != nil {
		return secretOf{}, fmt.Errorf("password_file: %w", err)
	}
	return secretOf{hash: h}, nil
}

// User returns what the user of that name may do.
func (s *Settings) User(name string) (Actor, bool) {
	if u := s.users[name]; u != nil {
		return u.actor, true
	}
	return Actor{}, false
}

// Stamp returns a text that changes with the hash of a user's password, and says
// nothing of the password. It is "" where a file holds the password as it is.
func (s *Settings) Stamp(name string) string {
	u := s.users[name]
	if u == nil || u.secret.hash == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(u.secret.hash.String()))
	return hex.EncodeToString(sum[:8])
}

// A Doorkeeper checks passwords, one at a time, and slows down who guesses. It may
// be used from any goroutine.
type Doorkeeper struct {
	hashing  hashing
	throttle *throttle
}

// NewDoorkeeper returns a Doorkeeper that has seen nobody yet.
func NewDoorkeeper() *Doorkeeper {
	return &Doorkeeper{make(hashing, 1), newThrottle()}
}

// ErrPassword means that there is no such user, or that the password is another.
var ErrPassword = errors.New("name or password is wrong")

// Check returns what a user may do who has the password, an ErrPassword, or a
// [*SlowDown].
func (d *Doorkeeper) Check(ctx context.Context, s *Settings, name, password, from string) (Actor, error) {
	attempt, err := d.throttle.begin(name, from)
	if err != nil {
		return Actor{}, err
	}
	u := s.users[name]
	var against *secretOf
	if u != nil {
		against = &u.secret
	}
	ok, err := d.hashing.matches(ctx, against, s.like, password)
	if err != nil {
		return Actor{}, err
	}
	if !ok {
		return Actor{}, ErrPassword
	}
	attempt.succeeded()
	return u.actor, nil
}
