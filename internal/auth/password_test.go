package auth

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// cheap is the hash of "correct horse", at the least cost that is taken.
func cheap(t *testing.T, password string) string {
	t.Helper()
	h := passwordHash{memoryKiB: 7 << 10, time: 6, threads: 1, salt: []byte("12345678")}
	h.key = h.compute(password, 16)
	return h.String()
}

func TestAPasswordIsHashed(t *testing.T) {
	text, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "$argon2id$v=19$m=65536,t=2,p=1$") {
		t.Errorf("the hash is %s, want argon2id with 64 MiB in two passes", text)
	}
	h, err := parseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	if h.String() != text {
		t.Errorf("parsed it is %s, want %s", h, text)
	}
	one := make(hashing, 1)
	for password, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		if got, err := one.matches(t.Context(), &secretOf{hash: h}, h, password); got != want || err != nil {
			t.Errorf("%q matches: %t, %v; want %t", password, got, err, want)
		}
	}
	for _, password := range []string{"", strings.Repeat("a", maxPassword+1)} {
		if _, err := HashPassword(password); err == nil {
			t.Errorf("a password of %d bytes is hashed", len(password))
		}
	}
}

func TestHashesThatAreRefused(t *testing.T) {
	good := cheap(t, "x")
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":            {"", "no argon2id hash"},
		"bcrypt":             {"$2y$10$abc", "no argon2id hash"},
		"argon2i":            {strings.Replace(good, "argon2id", "argon2i", 1), "no argon2id hash"},
		"another version":    {strings.Replace(good, "v=19", "v=16", 1), "version"},
		"no figures":         {strings.Replace(good, "m=7168", "m=x", 1), "no argon2id hash"},
		"little memory":      {strings.Replace(good, "m=7168", "m=1024", 1), "weaker"},
		"few passes":         {strings.Replace(good, "t=6", "t=1", 1), "weaker"},
		"no threads":         {strings.Replace(good, "p=1", "p=0", 1), "weaker"},
		"too much memory":    {strings.Replace(good, "m=7168", "m=4194304", 1), "cost more"},
		"too many passes":    {strings.Replace(good, "t=6", "t=1000", 1), "cost more"},
		"more than 32 bits":  {strings.Replace(good, "m=7168", "m=99999999999", 1), "no argon2id hash"},
		"a salt that is cut": {strings.Replace(good, "MTIzNDU2Nzg", "MTI", 1), "damaged"},
		"a key that is cut":  {good[:len(good)-15], "damaged"},
	} {
		if _, err := parseHash(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, tt.want)
		}
	}
	if _, err := parseHash(good); err != nil {
		t.Errorf("the cheapest: %v", err)
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=7168,t=6,p=1$MTIzNDU2Nzg$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		again, err := parseHash(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%q is parsed, and %q is %v", text, h, err)
		}
	})
}

func TestTheDoorkeeperChecksPasswords(t *testing.T) {
	hashed := cheap(t, "correct horse")
	s, err := Load(Config{Users: []UserConfig{
		{Name: "ann", Role: Admin, PasswordHash: hashed},
		{Name: "ben", Role: Editor, Teams: []string{"cart"}, PasswordFile: file(t, "battery staple\n")},
		{Name: "cid", Role: Viewer, PasswordFile: file(t, hashed+"\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password string
		want           Role
	}{
		{"ann", "correct horse", Admin},
		{"ann", "correct horsE", ""},
		{"ann", hashed, ""},
		{"ann", "", ""},
		{"ben", "battery staple", Editor},
		{"ben", "battery staple\n", ""},
		{"ben", "", ""},
		{"cid", "correct horse", Viewer},
		{"cid", hashed, ""},
		{"dan", "correct horse", ""},
		{"", "", ""},
		{"ann", strings.Repeat("x", maxPassword+1), ""},
	} {
		a, err := NewDoorkeeper().Check(t.Context(), s, tt.name, tt.password, "::1")
		if a.Role != tt.want || errors.Is(err, ErrPassword) != (tt.want == "") {
			t.Errorf("%s with %.20q: role %q, %v; want %q", tt.name, tt.password, a.Role, err, tt.want)
		}
	}
}

func TestWhoGuessesIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		guess := func(name, from string) time.Duration {
			_, err := th.begin(name, from)
			if slow, ok := errors.AsType[*SlowDown](err); ok {
				return slow.Wait
			}
			return 0
		}
		for i := range pairPace.free {
			if wait := guess("ann", "192.0.2.1"); wait != 0 {
				t.Fatalf("guess %d waits %s, want none", i+1, wait)
			}
		}
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if got := guess("ann", "192.0.2.1"); got != want {
				t.Errorf("it waits %s, want %s", got, want)
			}
			time.Sleep(want)
			if got := guess("ann", "192.0.2.1"); got != 0 {
				t.Errorf("after the wait it waits %s more", got)
			}
		}
		if wait := guess("ann", "192.0.2.2"); wait != 0 {
			t.Errorf("from another address the user waits %s, want none", wait)
		}
		if wait := guess("ben", "192.0.2.1"); wait != 0 {
			t.Errorf("another user waits %s, want none", wait)
		}
		time.Sleep(throttleForgets + time.Second)
		if wait := guess("ann", "192.0.2.1"); wait != 0 {
			t.Errorf("much later it waits %s, want none", wait)
		}
	})
}

func TestNobodyLocksSomebodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for i := range 10 * namePace.free {
			_, _ = th.begin("ann", "2001:db8:0:"+strings.Repeat("f", i%4+1)+":"+string("0123456789abcdef"[i%16])+"::")
			time.Sleep(time.Second)
		}
		_, err := th.begin("ann", "192.0.2.1")
		slow, ok := errors.AsType[*SlowDown](err)
		if ok && slow.Wait > namePace.max {
			t.Errorf("the user waits %s, want %s at most", slow.Wait, namePace.max)
		}
	})
}

func TestSuccessIsForgiven(t *testing.T) {
	th := newThrottle()
	for range 10 * addressPace.free {
		a, err := th.begin("ann", "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		a.succeeded()
	}
}

func TestTheThrottleIsBounded(t *testing.T) {
	th := newThrottle()
	for i := range 3 * maxThrottled {
		_, _ = th.begin(strings.Repeat("a", i%2000), strings.Repeat("b", i%1999))
	}
	if n := len(th.entries); n > maxThrottled+2 {
		t.Errorf("%d entries are kept, want %d at most", n, maxThrottled)
	}
}

func TestOneSenderHasOneNetwork(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "pipe": "pipe", "::ffff:192.0.2.1": "::ffff:192.0.2.1",
	} {
		if got := Network(from); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
