#* @apiTitle Visits
#* @apiDescription Keeps its state in PostgreSQL, and a report that takes long in Redis, so that any worker can answer.

source("redis.R")

connection <- NULL

# Asked once more on a new connection: the one before may have ended with a restart of the database.
query <- function(sql, ...) {
  ask <- function() {
    # Where to, as whom and with which password is in the environment that libpq reads: PGHOST, PGPASSFILE and so on.
    if (is.null(connection)) connection <<- DBI::dbConnect(RPostgreSQL::PostgreSQL())
    DBI::dbGetQuery(connection, DBI::sqlInterpolate(connection, sql, ...))
  }
  tryCatch(suppressWarnings(ask()), error = function(problem) {
    connection <<- NULL
    ask()
  })
}

worker <- Sys.info()[["nodename"]]

#* Records a visit. A client that got no answer says it again under the same id, and it counts once.
#* @param id:str
#* @param visitor:str
#* @serializer unboxedJSON
#* @put /visits/<id>
function(id, visitor) {
  query(
    "insert into visits values (?id, ?visitor, ?worker) on conflict do nothing",
    id = id, visitor = visitor, worker = worker
  )
  list(worker = worker)
}

#* How many visits there were, and by how many workers they were recorded
#* @param visitor:str
#* @serializer unboxedJSON
#* @get /visits
function(visitor) {
  as.list(query(
    "select count(*)::int as visits, count(distinct worker)::int as workers from visits where visitor = ?visitor",
    visitor = visitor
  ))
}

#* All visitors; made at most once in ten seconds, whichever worker is asked
#* @serializer unboxedJSON
#* @get /report
function() {
  known <- redis("GET", "report")
  if (!is.null(known)) return(list(from = "cache", visitors = known))
  visitors <- paste(query("select distinct visitor from visits order by 1")$visitor, collapse = ", ")
  redis("SET", "report", visitors, "EX", "10")
  list(from = "database", visitors = visitors)
}
