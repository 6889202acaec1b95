package profiler

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/headgate/headgate/internal/wholefile"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A snapshot is a file header and a block for each metric of each tenant:
//
//	"headgate profile" ‖ format, sketch version: 1 byte each ‖ part length in ns: 8 bytes
//	length of the block: 8 bytes ‖ its CRC-32C: 4 bytes ‖ the block
//
// all little-endian. The format is the version of the rows, and older ones are read.
// What was written by a newer format, by another version of the hashes or for another
// window does not mean the same, and is refused.
const (
	snapshotMagic  = "headgate profile"
	snapshotFormat = inventory.Version
	oldestFormat   = 1

	saveEvery = 5 * time.Minute
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is the reason for which a snapshot cannot be read.
var errDamaged = errors.New("it is damaged")

// Save writes what is known to the configured file, which it replaces as a whole.
func (p *Profiler) Save() error {
	if p.cfg.File == "" {
		return nil
	}
	if err := wholefile.Write(p.cfg.File, p.Write); err != nil {
		return fmt.Errorf("save the profile: %w", err)
	}
	p.saved.Store(time.Now().Unix())
	return nil
}

// Saved returns when Save succeeded last, in Unix seconds; 0: never.
func (p *Profiler) Saved() int64 { return p.saved.Load() }

// saveAndLog saves, and says in the log where that failed.
func (p *Profiler) saveAndLog() {
	if err := p.Save(); err != nil {
		p.log.Error("profile is not saved: after a restart it begins anew", slog.Any("err", err))
	}
}

// Load reads the configured file, where there is one. A file that cannot be used
// is set aside, and the profile begins anew.
func (p *Profiler) Load() error {
	if p.cfg.File == "" {
		return nil
	}
	file, err := os.Open(p.cfg.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load the profile: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("load the profile: %w", err)
	}
	err = p.Merge(bufio.NewReaderSize(file, 1<<20), info.Size())
	if err == nil {
		return nil
	}
	aside := p.cfg.File + ".unusable"
	if e := os.Rename(p.cfg.File, aside); e != nil {
		return fmt.Errorf("load the profile: %w", errors.Join(err, e))
	}
	p.log.Warn("profile cannot be used and is set aside: it begins anew, and the window is complete again when it has passed once",
		slog.String("file", p.cfg.File), slog.String("aside", aside), slog.Any("err", err))
	return nil
}

// Write writes what is known to w. A tenant's lock is held for one metric at a time.
func (p *Profiler) Write(w io.Writer) error {
	head := append([]byte(snapshotMagic), snapshotFormat, sketch.Version)
	head = binary.LittleEndian.AppendUint64(head, uint64(p.clock.part))
	if _, err := w.Write(head); err != nil {
		return err
	}
	var block []byte
	for _, f := range p.profiles() {
		for n := 0; ; n++ {
			f.walk()
			if n >= len(f.list) {
				f.rest()
				break
			}
			block = f.list[n].appendBlock(block[:0], f.tenant)
			f.rest()
			frame := binary.LittleEndian.AppendUint64(nil, uint64(len(block)))
			frame = binary.LittleEndian.AppendUint32(frame, crc32.Checksum(block, castagnoli))
			if _, err := w.Write(frame); err != nil {
				return err
			}
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
	}
	return nil
}

// Merge adds what another process, or this one before a restart, wrote: a series
// that both have seen counts once. size bounds what is read. On error the metrics
// before the damage are added.
func (p *Profiler) Merge(r io.Reader, size int64) error {
	head := make([]byte, len(snapshotMagic)+2+8)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(snapshotMagic)]) != snapshotMagic {
		return errors.New("it is no profile of Headgate")
	}
	rest := head[len(snapshotMagic):]
	format := int(rest[0])
	if format < oldestFormat || format > snapshotFormat || rest[1] != sketch.Version {
		return fmt.Errorf("it was written by another version of Headgate (format %d, hashes %d; this one reads %d to %d, and %d)", format, rest[1], oldestFormat, snapshotFormat, sketch.Version)
	}
	if part := time.Duration(binary.LittleEndian.Uint64(rest[2:])); part != p.clock.part {
		return fmt.Errorf("it was written for a window of %s, not %s", part*sketch.Parts, p.clock.Window())
	}
	at := p.clock.At(time.Now())
	for {
		frame := make([]byte, 12)
		if _, err := io.ReadFull(r, frame); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		n := binary.LittleEndian.Uint64(frame)
		if n > uint64(size) {
			return fmt.Errorf("%w: a block of %d bytes does not fit its %d", errDamaged, n, size)
		}
		block := make([]byte, n)
		if _, err := io.ReadFull(r, block); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		if crc32.Checksum(block, castagnoli) != binary.LittleEndian.Uint32(frame[8:]) {
			return fmt.Errorf("%w: a checksum is wrong", errDamaged)
		}
		if err := p.mergeBlock(block, format, at); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		if p.used.Load() > p.cfg.MemoryLimitBytes {
			p.relieve()
		}
	}
}
