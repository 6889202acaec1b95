package rules

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the rules say into testdata")

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				updated, problems := UpdateTranscript(file, data)
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				if err := os.WriteFile(file, updated, 0o644); err != nil {
					t.Fatal(err)
				}
				data = updated
			}
			diff, problems := RunTranscript(file, data)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if diff != "" {
				t.Errorf("verdicts differ (-want +got):\n%s", diff)
			}
		})
	}
}

const exampleTranscript = `A transcript.
tenant: payments
-- rules.yml --
rules:
  - {name: drop-debug, match: debug, action: drop}
-- series --
debug

# a comment
up{a="x  y"}
-- want --
debug         keep   -
up{a="x  y"}  keep -
`

func TestTranscriptShowsWhatDiffers(t *testing.T) {
	diff, problems := RunTranscript("t.txtar", []byte(exampleTranscript))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if want := "-debug keep -\n+debug drop drop-debug\n"; diff != want {
		t.Errorf("diff %q, want %q", diff, want)
	}
	fewer := strings.Replace(exampleTranscript, "debug         keep   -\n", "", 1)
	if diff, _ := RunTranscript("t.txtar", []byte(fewer)); !strings.Contains(diff, "+up{a=\"x  y\"} keep -\n") {
		t.Errorf("diff %q lacks the series that want lacks", diff)
	}
	more := exampleTranscript + "extra keep -\n"
	if diff, _ := RunTranscript("t.txtar", []byte(more)); !strings.HasSuffix(diff, "-extra keep -\n") {
		t.Errorf("diff %q lacks the line that no series stands for", diff)
	}
}

func TestUpdatedTranscriptAgrees(t *testing.T) {
	for _, text := range []string{exampleTranscript, exampleTranscript[:strings.Index(exampleTranscript, "-- want")]} {
		updated, problems := UpdateTranscript("t.txtar", []byte(text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if !strings.HasSuffix(string(updated), "-- want --\ndebug         drop  drop-debug\nup{a=\"x  y\"}  keep  -\n") {
			t.Errorf("updated transcript:\n%s", updated)
		}
		if diff, problems := RunTranscript("t.txtar", updated); diff != "" || len(problems) > 0 {
			t.Errorf("an updated transcript differs from itself: %s%v", diff, problems)
		}
	}
}

func TestTranscriptProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing is no transcript", "", []string{"t: the section series is missing; add -- series -- with one series a line"}},
		{"a transcript without want", "-- series --\nup\n", []string{"t: the section want is missing; add -- want --, and let an update fill it in"}},
		{"settings that are none", "clock: soon\ntenant: a/b\n-- series --\nup\n", []string{
			`t:1:1: clock: "soon" is no time; write it as in 2026-01-01T00:00:00Z`,
			"t:2:1: tenant ID has a character other than 0-9 A-Z a-z ! - _ . * ' ( )",
		}},
		{"rules are read at their lines in the transcript", "text\n-- a.yml --\nrules:\n  - nam: x\n    match: up\n    action: drop\n-- series --\nup\n", []string{
			`t:4:5: unknown key "nam"; did you mean name?`,
		}},
		{"names are unique over the files", "-- a.yml --\nrules: [{name: a, match: up, action: drop}]\n-- b.yml --\nrules: [{name: a, match: up, action: drop}]\n-- series --\nup\n", []string{
			"t:4: name: the rule a is there already, at t:2; rename one of them",
		}},
		{"sections that are none or come twice", "-- serie --\nup\n-- series --\nup\n-- series --\nup\n", []string{
			`t:1: unknown section "serie"; known are series, want, and files of rules that end in .yml`,
			`t:5: the section "series" is there twice; join them`,
		}},
		{"series that are none", "-- series --\nup{\nteam=\"a up\n", []string{
			"t:2: 1:4: parse error: unexpected end of input inside braces; write a series such as up{job=\"api\"}, with team=NAME and over before it where they are meant",
			"t:3: the team's closing quote is missing; add it",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := RunTranscript("t", []byte(tt.text))
			wantProblems(t, problems, tt.want)
		})
	}
}

// wantProblems compares problems as they are printed.
func wantProblems(t *testing.T, got []Problem, want []string) {
	t.Helper()
	var lines []string
	for _, p := range got {
		lines = append(lines, p.String())
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("problems:\n%s\nwant:\n%s", g, w)
	}
}
