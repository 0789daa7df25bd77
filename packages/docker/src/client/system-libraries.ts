/**
 * Debian's packages with the headers that R packages are compiled against, by what C code includes, as `apt-file search` of
 * Debian 14 tells them.
 */
const headers: Readonly<Record<string, string>> = {
  'archive.h': 'libarchive-dev',
  'cairo.h': 'libcairo2-dev',
  'curl/curl.h': 'libcurl4-openssl-dev',
  'expat.h': 'libexpat1-dev',
  'fftw3.h': 'libfftw3-dev',
  'fontconfig/fontconfig.h': 'libfontconfig-dev',
  'ft2build.h': 'libfreetype-dev',
  'fribidi.h': 'libfribidi-dev',
  'gdal.h': 'libgdal-dev',
  'geos_c.h': 'libgeos-dev',
  'git2.h': 'libgit2-dev',
  'gmp.h': 'libgmp-dev',
  'gpgme.h': 'libgpgme-dev',
  'gsl/gsl_math.h': 'libgsl-dev',
  'hb.h': 'libharfbuzz-dev',
  'hiredis/hiredis.h': 'libhiredis-dev',
  'jpeglib.h': 'libjpeg-dev',
  'jq.h': 'libjq-dev',
  'libpq-fe.h': 'libpq-dev',
  'librdkafka/rdkafka.h': 'librdkafka-dev',
  'libssh2.h': 'libssh2-1-dev',
  'udunits2.h': 'libudunits2-dev',
  'libxml/parser.h': 'libxml2-dev',
  'libxslt/xslt.h': 'libxslt1-dev',
  'Magick++.h': 'libmagick++-dev',
  'mpfr.h': 'libmpfr-dev',
  'mysql.h': 'default-libmysqlclient-dev',
  'netcdf.h': 'libnetcdf-dev',
  'openssl/ssl.h': 'libssl-dev',
  'png.h': 'libpng-dev',
  'poppler-document.h': 'libpoppler-cpp-dev',
  'proj.h': 'libproj-dev',
  'rsvg.h': 'librsvg2-dev',
  'sasl/sasl.h': 'libsasl2-dev',
  'sodium.h': 'libsodium-dev',
  'sql.h': 'unixodbc-dev',
  'sqlext.h': 'unixodbc-dev',
  'sqlite3.h': 'libsqlite3-dev',
  'tiffio.h': 'libtiff-dev',
  'webp/decode.h': 'libwebp-dev',
  'zlib.h': 'zlib1g-dev',
  'zmq.h': 'libzmq3-dev',
};

/** What gcc and clang say of a header that is not there. */
const missingHeader = /fatal error: '?([\w+./-]+\.h)'?(?:: No such file or directory| file not found)/;
/** What `configure` of an R package says: https://github.com/rwinlib/anticonf */
const named = /^\s*\*\s*deb:\s*([a-z0-9][a-z0-9+.-]*[a-z0-9+])/;

/** Debian packages that the output of a build asks for, each once: what a compiler misses, and what R packages themselves name. */
export function missingLibraries(lines: readonly string[]): readonly string[] {
  const found = lines.flatMap((line) => {
    const header = missingHeader.exec(line)?.[1];
    const known =
      header === undefined ? undefined : Object.entries(headers).find(([name]) => name === header);
    return known?.[1] ?? named.exec(line)?.[1] ?? [];
  });
  return [...new Set(found)];
}
