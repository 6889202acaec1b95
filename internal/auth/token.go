package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Token stands for a script. Its secret is not kept: who has it knows it from
// when it was made.
type Token struct {
	ID        string
	Digest    Digest // of the secret
	Name      string
	Role      Role
	Tenants   []tenant.ID // none: all
	Teams     []string
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time // to within an hour; zero: not yet
}

// A Digest is what is kept of a secret of 256 random bits.
type Digest [sha256.Size]byte

// actor returns who asks with the token.
func (t *Token) actor(from string) Actor {
	return Actor{Name: "token:" + t.Name, From: from, Role: t.Role, Tenants: t.Tenants, Teams: t.Teams}
}

// Expired reports whether the token is over.
func (t *Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// The form of a secret: hg_, 32 random bytes, and a checksum by which scanners
// recognise what leaked, and mistakes in copying are told from tokens that are gone.
const (
	tokenPrefix   = "hg_"
	tokenDigits   = 43 // of 256 bits in base 62
	tokenCheck    = 6  // of 32 bits
	tokenLength   = len(tokenPrefix) + tokenDigits + tokenCheck
	base62Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewSecret returns the secret of a new token, and what is kept of it.
func NewSecret() (string, Digest) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails, see its documentation
	secret := tokenPrefix + base62(new(big.Int).SetBytes(random[:]), tokenDigits)
	secret += checksum(secret)
	return secret, sha256.Sum256([]byte(secret))
}

// IsSecret reports whether text was meant to be a token's secret.
func IsSecret(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// parseSecret returns what is kept of a secret, or what is wrong with its form.
func parseSecret(text string) (Digest, error) {
	if len(text) != tokenLength || !IsSecret(text) || checksum(text[:tokenLength-tokenCheck]) != text[tokenLength-tokenCheck:] {
		return Digest{}, fmt.Errorf("%w: it is no whole token; copy all of it", ErrToken)
	}
	return sha256.Sum256([]byte(text)), nil
}

func checksum(text string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), tokenCheck)
}

// base62 writes n with so many digits.
func base62(n *big.Int, digits int) string {
	out := make([]byte, digits)
	base, digit := big.NewInt(int64(len(base62Letters))), new(big.Int)
	for i := digits - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62Letters[digit.Int64()]
	}
	return string(out)
}

const (
	maxTokenName = 64
	maxReach     = 1000 // tenants, or teams, of one token
	maxTeamBytes = 256
)

// Check returns what is wrong with what somebody wants a token to be: the field,
// and what to do; "" for nothing.
func (t *Token) Check(now time.Time) (field, text string) {
	if !printable(t.Name, maxTokenName) {
		return "name", fmt.Sprintf("a name is 1 to %d printable characters; say what uses the token", maxTokenName)
	}
	if _, err := ParseRole(string(t.Role)); err != nil {
		return "role", err.Error()
	}
	if len(t.Tenants) > maxReach {
		return "tenants", fmt.Sprintf("these are more than %d; leave them out for all", maxReach)
	}
	for _, id := range t.Tenants {
		if _, err := tenant.Parse(string(id)); err != nil {
			return "tenants", err.Error()
		}
	}
	if len(t.Teams) > maxReach {
		return "teams", fmt.Sprintf("these are more than %d", maxReach)
	}
	for _, team := range t.Teams {
		if !printable(team, maxTeamBytes) {
			return "teams", fmt.Sprintf("a team is 1 to %d printable characters", maxTeamBytes)
		}
	}
	if t.Expired(now) {
		return "expires_at", "it is over already; write a time to come, or leave it out"
	}
	return "", ""
}
