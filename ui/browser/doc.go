// Package browser looks at the pages in a real Chromium. It is all tests.
package browser
