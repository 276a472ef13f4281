# What the Devbox shell has beside the aliases of devbox.json, in bash, zsh and sh: load_config, which changes the shell that calls it,
# and the completion of dev.

load_config() {
	assignments=$(dev load-config "$@") && eval "$assignments"
}

if [ -n "$BASH_VERSION" ] && type complete >/dev/null 2>&1; then
	eval "$(dev completion --code bash)"
elif [ -n "$ZSH_VERSION" ]; then
	eval "$(dev completion --code zsh)"
fi
