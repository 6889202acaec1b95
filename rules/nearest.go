package rules

// Nearest returns the one of words that s was most likely meant to be, or "".
func Nearest(s string, words []string) string {
	best, bestDistance := "", 3 // two slips are a typing error, three are another word
	for _, w := range words {
		if len(s) > 2*len(w) {
			continue
		}
		if d := distance(s, w); d < bestDistance && 2*d <= len(w) {
			best, bestDistance = w, d
		}
	}
	return best
}

// distance returns how many bytes must be put in, taken out or replaced to make
// b of a (Levenshtein's distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
