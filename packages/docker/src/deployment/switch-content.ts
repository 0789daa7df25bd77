/** Where a volume is mounted in the container that copies it. */
export const folder = '/volume';
/** Folder in the volume where what comes is unpacked, beside what is there, so that it need only be renamed. */
export const staging = '.plumbstack-import';
/** Folder in it for what comes. */
export const incoming = 'tree';

/**
 * Puts what has come in the place of what was there, by renames alone. Whoever begins it again goes on with it: what was there is
 * away first, and then what has come is put. What came and was never begun with goes, unless the argument is `begin`.
 */
export const switchScript = `set -eu
cd ${folder}/${staging} 2> /dev/null || exit 0
if [ ! -d old ] && [ "$1" != begin ]; then
  cd /
  rm -rf ${folder}/${staging}
  exit 0
fi
mkdir -p old
moveAll() {
  for each in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$each" ] || [ -L "$each" ]; then
      case "$each" in */${staging}) continue ;; esac
      mv -f -- "$each" "$2/"
    fi
  done
}
[ -e switched ] || moveAll ${folder} old
: > switched
moveAll ${incoming} ${folder}
if [ -e owned ]; then
  chown "$(stat -c %u:%g ${incoming})" ${folder}
  chmod "$(stat -c %a ${incoming})" ${folder}
fi
cd /
rm -rf ${folder}/${staging}
`;
