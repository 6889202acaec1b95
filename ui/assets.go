package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var static embed.FS

// assetsPath is where static files stand, each under a name that has its content's
// hash, so that browsers may keep it for ever.
const assetsPath = "/assets/"

// An asset is a static file, ready to be sent.
type asset struct {
	mediaType    string
	plain, small []byte // small is compressed
}

// assets are the static files by the names they are served under.
type assets struct {
	base   string
	byName map[string]asset
	names  map[string]string // by the name of the file
}

// newAssets reads all files of a directory called static. It panics where it cannot:
// the files are part of the program.
func newAssets(files fs.FS, base string) *assets {
	a := &assets{base: base, byName: map[string]asset{}, names: map[string]string{}}
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(path.Base(name), ext) + "." + hex.EncodeToString(sum[:8]) + ext
		a.byName[hashed] = asset{mime.TypeByExtension(ext), content, compressed(content)}
		a.names[strings.TrimPrefix(name, "static/")] = hashed
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("BUG: static files cannot be read: %v", err))
	}
	return a
}

func compressed(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

// url returns the address of a static file.
func (a *assets) url(file string) string {
	name, ok := a.names[file]
	if !ok {
		panic("BUG: there is no static file " + file)
	}
	return a.base + assetsPath + name
}

func (a *assets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f, ok := a.byName[strings.TrimPrefix(r.URL.Path, assetsPath)]
	if !ok {
		http.NotFound(rw, r) // a file of another version of the program, too
		return
	}
	h := rw.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = rw.Write(body)
	}
}
