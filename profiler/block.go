package profiler

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// appendBlock appends m as a snapshot holds it.
func (m *metric) appendBlock(b []byte, t tenant.ID) []byte {
	b = appendText(b, string(t))
	b = appendText(b, m.name)
	b = appendText(b, m.team)
	b = binary.AppendVarint(b, m.first)
	var about About
	if m.about != nil {
		about = *m.about
	}
	b = appendText(appendText(appendText(b, about.Type), about.Help), about.Unit)
	b = m.appendWatch(b)
	b = m.rows.AppendBinary(b)
	b = appendWindow(b, m.day)
	if m.sketches == nil {
		return append(b, 0)
	}
	s := m.sketches
	b = append(b, 1, flag(s.labelled), flag(s.missed))
	b = appendWindow(appendWindow(b, s.received), s.forwarded)
	b = binary.AppendUvarint(b, uint64(len(s.labels)))
	for i := range s.labels {
		l := &s.labels[i]
		b = appendText(b, l.name)
		b = l.top.AppendBinary(appendWindow(appendWindow(b, l.values), l.without))
	}
	return b
}

// A block is what appendBlock wrote.
type block struct {
	tenant tenant.ID
	metric metric
}

// readBlock reads what appendBlock wrote, with rows of that version.
func readBlock(b []byte, rows int) (bl block, err error) {
	d := decoder{b: b}
	bl.tenant = tenant.ID(d.text())
	m := &bl.metric
	m.name, m.team, m.first = d.text(), d.text(), d.varint()
	if a := (About{d.text(), d.text(), d.text()}); a != (About{}) {
		m.about = &a
	}
	m.watch = d.watch()
	if d.err == nil {
		m.rows, d.b, d.err = inventory.ReadMetric(d.b, rows)
	}
	m.day = d.window()
	if d.byte() == 1 {
		s := &sketches{labelled: d.byte() == 1, missed: d.byte() == 1}
		s.received, s.forwarded = d.window(), d.window()
		n := d.uvarint()
		for ; n > 0 && d.err == nil; n-- {
			l := labelSketch{name: d.text(), values: d.window(), without: d.window()}
			if d.err == nil {
				l.top, d.b, d.err = sketch.ReadTop(d.b)
			}
			s.labels = append(s.labels, l)
		}
		m.sketches = s
		if d.err == nil && !s.whole() {
			d.err = fmt.Errorf("metric %q lacks a sketch", m.name)
		}
	}
	if d.err == nil {
		_, d.err = tenant.Parse(string(bl.tenant))
	}
	return bl, d.err
}

// whole reports whether s has every sketch that it needs.
func (s *sketches) whole() bool {
	if s.received == nil || len(s.labels) > maxLabels {
		return false
	}
	for i := range s.labels {
		if s.labels[i].values == nil || s.labels[i].without == nil || i > 0 && s.labels[i-1].name >= s.labels[i].name {
			return false
		}
	}
	return true
}

// appendWatch appends what is remembered in order to notice explosions.
func (m *metric) appendWatch(b []byte) []byte {
	if m.watch == nil {
		return append(b, 0)
	}
	state, err := m.watch.detector.AppendBinary(nil)
	if err != nil { // it has no state that cannot be written
		panic(err)
	}
	return append(binary.AppendUvarint(b, uint64(len(state))), state...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendWindow appends a window that may be absent.
func appendWindow(b []byte, w *sketch.Window) []byte {
	if w == nil {
		return append(b, 0)
	}
	return w.AppendBinary(append(b, 1))
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// A decoder reads a block. After an error it reads nothing more.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errors.New("it ends too soon, or holds a number that cannot be")
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) watch() *watch {
	state := d.text()
	if state == "" || d.err != nil {
		return nil
	}
	w := &watch{}
	d.err = w.detector.UnmarshalBinary([]byte(state))
	return w
}

func (d *decoder) window() *sketch.Window {
	if d.byte() != 1 || d.err != nil {
		return nil
	}
	w, rest, err := sketch.ReadWindow(d.b)
	if err != nil {
		d.err, d.b = err, nil
		return nil
	}
	d.b = rest
	return w
}
