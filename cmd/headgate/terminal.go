package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// A screen is a terminal that shows one page after another.
type screen struct {
	w    io.Writer
	size func() (columns, rows int)
}

// What terminals understand (xterm's control sequences; ECMA-48).
const (
	toPage   = "\x1b[?1049h" // a page of its own; what was there before is kept
	fromPage = "\x1b[?1049l"
	hide     = "\x1b[?25l" // the cursor
	unhide   = "\x1b[?25h"
	noWrap   = "\x1b[?7l" // of lines that are too long
	doWrap   = "\x1b[?7h"
	home     = "\x1b[H"
	endLine  = "\x1b[K" // clears the rest of the line
	endPage  = "\x1b[J" // and of the page
)

func (s *screen) open() error {
	_, err := io.WriteString(s.w, toPage+hide+noWrap)
	return err
}

// close leaves the terminal as it was.
func (s *screen) close() { _, _ = io.WriteString(s.w, doWrap+unhide+fromPage) }

// show replaces the page. It writes over the one before, so that nothing flickers.
func (s *screen) show(lines []string) error {
	_, err := io.WriteString(s.w, home+strings.Join(lines, endLine+"\r\n")+endLine+endPage)
	return err
}

// Sizes of a terminal that does not say how large it is.
const (
	usualColumns = 80
	usualRows    = 24
)

// sizeFromEnv returns the size that the shell says.
func sizeFromEnv() (columns, rows int) {
	columns, rows = usualColumns, usualRows
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		columns = n
	}
	if n, err := strconv.Atoi(os.Getenv("LINES")); err == nil && n > 0 {
		rows = n
	}
	return columns, rows
}

// awaitEnd returns when keys say that it is enough: q, Ctrl-C, Ctrl-D, or the end.
func awaitEnd(keys io.Reader) {
	var key [1]byte
	for {
		n, err := keys.Read(key[:])
		if err != nil {
			return
		}
		if n == 1 {
			switch key[0] {
			case 'q', 'Q', 'C' & 0x1f, 'D' & 0x1f:
				return
			}
		}
	}
}

// legible returns s as a terminal may have it: what it would act on, not show, or
// show somewhere else (controls, invisible and combining characters, characters
// that turn the direction of writing) is escaped as in Go.
func legible(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16)) // no UTF-8: 0x80 and above
		case strconv.IsPrint(r) && !unicode.Is(unicode.M, r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// widthOf returns how many columns legible text takes.
func widthOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shorten makes legible text take no more than some columns. Both ends stay: what
// tells names apart is often at the end.
func shorten(s string, columns int) string {
	if widthOf(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	runes := []rune(s)
	head, tail := 0, len(runes)
	for rest, front := columns-1, true; ; front = !front { // one is the ellipsis'
		r := runes[head]
		if !front {
			r = runes[tail-1]
		}
		if rest -= runeWidth(r); rest < 0 {
			return string(runes[:head]) + "…" + string(runes[tail:])
		}
		if front {
			head++
		} else {
			tail--
		}
	}
}

// wrap breaks legible text into lines of no more than some columns; 0 is endless.
func wrap(s string, columns int) []string {
	if columns == 0 {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		word = shorten(word, columns)
		switch {
		case line == "":
			line = word
		case widthOf(line)+1+widthOf(word) <= columns:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
