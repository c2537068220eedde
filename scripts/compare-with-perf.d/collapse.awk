# What collapse.pl does, for the fewest fields: the limits must not depend on one slow interpreter.
BEGIN { RS = ""; FS = "\n" }
match($1, / +(-?[0-9]+ +)?\[[0-9]+\]/) {
	line = substr($1, 1, RSTART - 1)
	sub(/^ +/, "", line)
	gsub(/ /, "_", line)
	for (i = NF; i > 1; i--) {
		sub(/^[ \t]*[0-9a-f]+ /, "", $i)
		line = line ";" $i
	}
	print line
}
