package auth

import (
	"fmt"
	"slices"
	"strings"
)

// A Role is what somebody may do.
type Role string

// The roles. Each of viewer, editor and admin may do what those before it may;
// finops may read, and change what concerns money.
const (
	Viewer Role = "viewer"
	Editor Role = "editor"
	FinOps Role = "finops"
	Admin  Role = "admin"
)

// roles are all of them. Whoever has several is the first of them.
var roles = []Role{Admin, Editor, FinOps, Viewer}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, error) {
	if r := Role(name); slices.Contains(roles, r) {
		return r, nil
	}
	return "", fmt.Errorf("%.64q is no role; write viewer, editor, finops or admin", name)
}

// A Permission is one kind of thing that somebody may do.
type Permission string

// The permissions. Those to write reach as far as the actor's tenants and teams.
const (
	ReadTraffic    Permission = "read what passes"          // flow, profile, explain, rules, limits, owners
	ReadEvents     Permission = "read events"               // what happened
	ReadCosts      Permission = "read costs"                // costs, budgets, prices, forecasts
	ReadStatus     Permission = "read the status"           // build, health, /metrics
	ReadConfig     Permission = "read the configuration"    // in force, without secrets
	ReadAudit      Permission = "read the audit trail"      // who changed what
	WriteTeamRules Permission = "change rules of its teams" // that carry one of the actor's teams
	WriteRules     Permission = "change rules"              // any
	WriteUsage     Permission = "say what queries ask for"
	WriteLimits    Permission = "change limits"
	WriteOwners    Permission = "change owners"
	WritePrices    Permission = "change prices and budgets"
	UseBypass      Permission = "turn every rule and limit off"
	Reload         Permission = "reload the configuration"
	ManageTokens   Permission = "manage API tokens"
	Debug          Permission = "read profiles of the process" // /debug/pprof
)

// permissions is who may do what.
var permissions = map[Permission][]Role{
	ReadTraffic:    {Viewer, Editor, FinOps, Admin},
	ReadEvents:     {Viewer, Editor, FinOps, Admin},
	ReadCosts:      {Viewer, Editor, FinOps, Admin},
	ReadStatus:     {Viewer, Editor, FinOps, Admin},
	ReadConfig:     {Admin},
	ReadAudit:      {FinOps, Admin},
	WriteTeamRules: {Editor, Admin},
	WriteRules:     {Admin},
	WriteUsage:     {Editor, Admin},
	WriteLimits:    {Admin},
	WriteOwners:    {FinOps, Admin},
	WritePrices:    {FinOps, Admin},
	UseBypass:      {Admin},
	Reload:         {Admin},
	ManageTokens:   {Admin},
	Debug:          {Admin},
}

// Roles returns the roles that may do p, in words.
func (p Permission) Roles() string {
	words := make([]string, 0, len(roles))
	for _, r := range permissions[p] {
		words = append(words, string(r))
	}
	return strings.Join(words, " or ")
}
