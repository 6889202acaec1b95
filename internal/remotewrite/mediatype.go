package remotewrite

import (
	"errors"
	"fmt"
	"mime"
	"strings"
)

// A Version is a version of the remote-write protocol.
type Version uint8

// The versions.
const (
	V1 Version = 1 // prometheus.WriteRequest
	V2 Version = 2 // io.prometheus.write.v2.Request
)

// The protocol's header names, in canonical form.
const (
	VersionHeader           = "X-Prometheus-Remote-Write-Version"
	SamplesWrittenHeader    = "X-Prometheus-Remote-Write-Samples-Written"
	HistogramsWrittenHeader = "X-Prometheus-Remote-Write-Histograms-Written"
	ExemplarsWrittenHeader  = "X-Prometheus-Remote-Write-Exemplars-Written"
)

const (
	mediaType   = "application/x-protobuf"
	protoV1     = "prometheus.WriteRequest"
	protoV2     = "io.prometheus.write.v2.Request"
	mediaTypeV2 = mediaType + ";proto=" + protoV2
	encoding    = "snappy"
)

// ErrMediaType is a content type or encoding that is not of this protocol. Its
// answer is 415.
var ErrMediaType = errors.New("unsupported media type")

// ParseContentType tells the version from a request's Content-Type and
// Content-Encoding. A missing type means 1.0, a missing encoding snappy. Its
// errors wrap [ErrMediaType].
func ParseContentType(contentType, contentEncoding string) (Version, error) {
	if contentEncoding != "" && !strings.EqualFold(contentEncoding, encoding) {
		return 0, fmt.Errorf("%w: Content-Encoding %.64q, want %s", ErrMediaType, contentEncoding, encoding)
	}
	switch contentType {
	case "", mediaType:
		return V1, nil
	case mediaTypeV2:
		return V2, nil
	}
	typ, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return 0, fmt.Errorf("%w: Content-Type %.128q: %w", ErrMediaType, contentType, err)
	}
	if typ != mediaType {
		return 0, fmt.Errorf("%w: Content-Type %.128q, want %s", ErrMediaType, contentType, mediaType)
	}
	proto, ok := params["proto"]
	switch {
	case !ok || proto == protoV1:
		return V1, nil
	case proto == protoV2:
		return V2, nil
	}
	return 0, fmt.Errorf("%w: Content-Type %.128q, want proto=%s or proto=%s", ErrMediaType, contentType, protoV1, protoV2)
}

// ContentType returns the Content-Type to send with a body of this version.
// Some receivers compare it literally.
func (v Version) ContentType() string {
	if v == V2 {
		return mediaTypeV2
	}
	return mediaType
}

// Header returns the value of [VersionHeader] for this version.
func (v Version) Header() string {
	if v == V2 {
		return "2.0.0"
	}
	return "0.1.0"
}
