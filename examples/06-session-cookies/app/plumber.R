#* @apiTitle Counter
#* @apiDescription Keeps its state in an encrypted cookie: the client has it, and every worker can read it.

worker <- Sys.info()[["nodename"]]

#* @param name:str
#* @serializer unboxedJSON
#* @post /login
function(req, name) {
  req$session <- list(name = name, count = 0)
  list(worker = worker, name = name)
}

#* @serializer unboxedJSON
#* @post /count
function(req, res) {
  session <- req$session
  if (is.null(session$name)) {
    res$status <- 401
    return(list(worker = worker, error = "nobody is logged in"))
  }
  session$count <- session$count + 1
  req$session <- session
  list(worker = worker, name = session$name, count = session$count)
}
