package ui

import (
	"strings"

	"github.com/headgate/headgate/internal/control"
)

// A configurationView is the configuration in force.
type configurationView struct {
	State   badgeView
	Facts   []factView
	Failure string // why the file is not in force as it is now
	Failed  when
	Waiting string // settings that a restart would change
	Text    copyView
}

// maxConfiguration is how many bytes of the configuration a page shows.
const maxConfiguration = 200_000

// newConfigurationView returns nil for those who may not see the configuration, and
// where there is none.
func newConfigurationView(r *request) *configurationView {
	c, ok, err := r.control.Configuration()
	if err != nil || !ok {
		return nil
	}
	return configurationOf(r, c)
}

func configurationOf(r *request, c control.Configuration) *configurationView {
	v := &configurationView{
		State:   badgeView{Text: "in force", Tone: "good", Title: "The file was read without a mistake the last time"},
		Waiting: strings.Join(c.Waiting, ", "),
		Text:    copyView{ID: "configuration-yaml", Title: "YAML in force", Text: c.Text, Note: "The file with what defaults add. Secrets are replaced."},
	}
	file := factView{Name: "File", Text: shown(c.File)}
	if c.File == "" {
		file.Text = "none: everything has its default"
	}
	loaded := newWhen(c.LoadedAt, r.now)
	v.Facts = []factView{file, {Name: "Loaded", Text: loaded.Exact + ", " + loaded.Ago}, {Name: "Hash", Text: c.Hash}}
	trust := "none: every sender is trusted"
	if n := len(c.Credentials); n > 0 {
		trust = plural(n, "credential")
	}
	v.Facts = append(v.Facts, factView{Name: "Senders", Text: trust})
	if c.Failure != "" {
		v.State = badgeView{Text: "the one before is in force", Tone: "bad", Title: "The file was read again and could not be used"}
		v.Failure, v.Failed = clippedTo(c.Failure, 4000), newWhen(c.FailedAt, r.now)
	}
	if n := len(v.Text.Text); n > maxConfiguration {
		v.Text.Text = strings.ToValidUTF8(v.Text.Text[:maxConfiguration], "") + "\n# " + size(int64(n-maxConfiguration)) + " more: /api/v1/status has all\n"
	}
	return v
}
