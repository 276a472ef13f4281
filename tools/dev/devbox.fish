# As devbox.sh, for fish.

function load_config
    dev load-config $argv | source
end

dev completion --code fish | source
