package main

import (
	"encoding/json"

	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/internal/control"
)

// passageVerbs are the words of passages in the audit.
var passageVerbs = map[signin.PassageKind]string{
	signin.SignedIn: "session.begin", signin.SignedOut: "session.end", signin.Refused: "session.refuse",
}

// passageEntry returns a passage for the audit. Nobody is who was refused: the name is
// that of whom they said to be.
func passageEntry(p signin.Passage) control.AuditEntry {
	e := control.AuditEntry{At: p.At, Who: p.User, From: p.From, Verb: passageVerbs[p.Kind], Object: "users", Reason: p.Reason}
	if p.User != "" {
		e.Object = "users/" + p.User
	}
	if p.Kind == signin.Refused {
		e.Who = ""
	}
	e.After, _ = json.Marshal(struct {
		By       string `json:"by,omitempty"`
		Attempts int    `json:"attempts,omitempty"`
	}{p.By, p.Attempts}) // there is no error
	return e
}
