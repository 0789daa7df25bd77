# A Redis client in a few lines of R, for want of one among Debian's packages. Where CRAN can be reached, redux is the
# one to use: redux::hiredis(password = readLines(Sys.getenv("REDIS_PASSWORD_FILE"))).
# https://redis.io/docs/latest/develop/reference/protocol-spec/

redis <- local({
  server <- NULL

  send <- function(words) {
    part <- function(word) c(charToRaw(sprintf("$%d\r\n", nchar(word, "bytes"))), charToRaw(word), charToRaw("\r\n"))
    writeBin(c(charToRaw(sprintf("*%d\r\n", length(words))), unlist(lapply(words, part))), server)
    answer()
  }

  answer <- function() {
    head <- sub("\r$", "", readLines(server, 1))
    if (length(head) == 0) stop("Redis has closed the connection")
    rest <- substring(head, 2)
    switch(substr(head, 1, 1),
      "-" = stop("Redis: ", rest),
      "$" = if (rest == "-1") NULL else text(as.integer(rest)),
      rest
    )
  }

  text <- function(bytes) {
    value <- rawToChar(readBin(server, "raw", bytes))
    readBin(server, "raw", 2)
    value
  }

  connect <- function() {
    server <<- socketConnection(
      Sys.getenv("REDIS_HOST"), as.integer(Sys.getenv("REDIS_PORT")),
      open = "r+b", blocking = TRUE, timeout = 10
    )
    send(c("AUTH", readLines(Sys.getenv("REDIS_PASSWORD_FILE"), warn = FALSE)))
  }

  function(...) {
    ask <- function() {
      if (is.null(server)) connect()
      send(c(...))
    }
    tryCatch(ask(), error = function(problem) {
      if (!is.null(server)) close(server)
      server <<- NULL
      ask()
    })
  }
})
