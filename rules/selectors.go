package rules

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
)

// Selectors are the texts of a rule's selectors, any of which may match. They
// are written as a string where there is one, else as a list.
type Selectors []string

// MarshalJSON implements json.Marshaler.
func (s Selectors) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Selectors) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = Selectors{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return errors.New("match is neither a selector nor a list of selectors; write each as a string")
	}
	*s = list
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (s Selectors) MarshalYAML() (any, error) {
	if len(s) == 1 {
		return s[0], nil
	}
	return []string(s), nil
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Selectors) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*s = Selectors{n.Value}
		return nil
	}
	return n.Decode((*[]string)(s))
}

// parse parses every selector of s.
func (s Selectors) parse() ([]*series.Selector, []FieldError) {
	switch {
	case len(s) == 0:
		return nil, []FieldError{{Field: "match", Text: `a rule needs a selector; write match: '{__name__=~"debug_.*"}'`}}
	case len(s) > MaxSelectorList:
		return nil, []FieldError{{Field: "match", Text: fmt.Sprintf("%d selectors are too many, the limit is %d; split the rule", len(s), MaxSelectorList)}}
	}
	var errs []FieldError
	parsed := make([]*series.Selector, 0, len(s))
	for i, text := range s {
		sel, err := series.ParseSelector(text)
		if err == nil {
			parsed = append(parsed, sel)
			continue
		}
		fe := FieldError{Field: "match", Item: i, Text: err.Error()}
		if at, ok := errors.AsType[*series.SelectorError](err); ok {
			fe.Offset = at.Offset
			fe.Text = at.Text + `; write a PromQL series selector such as {__name__=~"debug_.*"}`
		}
		errs = append(errs, fe)
	}
	return parsed, errs
}
