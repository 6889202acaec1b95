package remotewrite

import (
	"fmt"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/series"
)

// A LabelError says why a label set can never be stored.
type LabelError struct {
	Reason string // one of the Reason constants
	Label  string // name of the label at fault, "" where it is the set; a view that lives as long as the labels do
	Limit  int    // that was exceeded, 0 where it is none
}

// Why a label set is refused. The words are stable.
const (
	ReasonMissingName  = "missing_metric_name"
	ReasonEmptyLabel   = "empty_label_name"
	ReasonDuplicate    = "duplicate_label_name"
	ReasonUTF8         = "invalid_utf8"
	ReasonManyLabels   = "too_many_labels"
	ReasonNameTooLong  = "label_name_too_long"
	ReasonValueTooLong = "label_value_too_long"
)

// maxQuotedRunes is how much of a label's name an error shows.
const maxQuotedRunes = 64

// Error says the reason for people. It names the label, quoted and cut.
func (e *LabelError) Error() string {
	switch e.Reason {
	case ReasonMissingName:
		return "metric name missing or empty"
	case ReasonEmptyLabel:
		return "empty label name"
	case ReasonDuplicate:
		return fmt.Sprintf("label %.*q occurs twice", maxQuotedRunes, e.Label)
	case ReasonUTF8:
		return fmt.Sprintf("label %.*q has invalid UTF-8 in its name or value", maxQuotedRunes, e.Label)
	case ReasonManyLabels:
		return fmt.Sprintf("more than %d labels", e.Limit)
	case ReasonNameTooLong:
		return fmt.Sprintf("name of label %.*q is longer than %d bytes", maxQuotedRunes, e.Label, e.Limit)
	case ReasonValueTooLong:
		return fmt.Sprintf("value of label %.*q is longer than %d bytes", maxQuotedRunes, e.Label, e.Limit)
	}
	return e.Reason
}

// CheckLabels returns a [*LabelError] if ls can never be stored, or nil: the
// metric name is missing or empty, a label name is empty or occurs twice, a name
// or value is not UTF-8, or a limit is exceeded. An empty value is that of an
// absent label and passes, but for the metric name. ls must be sorted.
func CheckLabels(ls series.Labels, lim Limits) error {
	if lim.MaxLabels > 0 && len(ls) > lim.MaxLabels {
		return &LabelError{Reason: ReasonManyLabels, Limit: lim.MaxLabels}
	}
	named := false
	for i := range ls {
		l := &ls[i]
		switch {
		case l.Name == "":
			return &LabelError{Reason: ReasonEmptyLabel}
		case i > 0 && l.Name == ls[i-1].Name:
			return &LabelError{Reason: ReasonDuplicate, Label: l.Name}
		case lim.MaxLabelNameBytes > 0 && len(l.Name) > lim.MaxLabelNameBytes:
			return &LabelError{Reason: ReasonNameTooLong, Label: l.Name, Limit: lim.MaxLabelNameBytes}
		case lim.MaxLabelValueBytes > 0 && len(l.Value) > lim.MaxLabelValueBytes:
			return &LabelError{Reason: ReasonValueTooLong, Label: l.Name, Limit: lim.MaxLabelValueBytes}
		case !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value):
			return &LabelError{Reason: ReasonUTF8, Label: l.Name}
		}
		named = named || l.Name == series.MetricName && l.Value != ""
	}
	if !named {
		return &LabelError{Reason: ReasonMissingName}
	}
	return nil
}
