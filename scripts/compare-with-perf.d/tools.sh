# Finds other tools.  This file is sourced.
# shellcheck shell=bash

# first_program CANDIDATE...: prints the first that is a program.
first_program() {
	local candidate
	for candidate; do
		[[ -z $candidate ]] || command -v "$candidate" && return
	done
	return 1
}

# tool NAME WISH HOW CANDIDATE...: sets `program` to WISH or else to the first CANDIDATE there is,
# and adds its version to `versions`.  A tool that is missing or does not run is added to
# `left_out`, with HOW to get it.
left_out='' versions='' program=''
tool() {
	local name=$1 wish=$2 how=$3 version
	shift 3
	if [[ $wish ]]; then
		program=$(first_program "$wish") || die "no program at '$wish'"
	elif ! program=$(first_program "$@"); then
		program=''
		left_out+="$name: not found; to get it: $how"$'\n'
		return
	fi
	# Inferno's programs do not print their version, but cargo knows what it installed.
	if version=$("$program" --version 2> /dev/null); then
		version=${version##* }
	elif ! version=$("$program" --help 2>&1); then
		left_out+="$name: $program does not run: $(tail -n 1 <<< "$version")"$'\n'
		program=''
		return
	else
		version=$(cargo install --list --root "$(dirname "$(dirname "$program")")" 2> /dev/null |
			sed -n "s/^$name v\\([^: ]*\\).*/\\1/p") || true
	fi
	versions+=$(printf '%-11s %s' "$name" "${version:-of a version it does not tell}")$'\n'
}
