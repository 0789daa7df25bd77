#* @apiTitle Basket
#* @apiDescription Keeps its state in the R process, so it is right only for a client that stays on one worker.

baskets <- new.env()

#* Puts a thing into a visitor's basket
#* @param visitor:str
#* @param thing:str
#* @serializer unboxedJSON
#* @post /baskets/<visitor>
function(visitor, thing) {
  basket <- c(get0(visitor, envir = baskets, inherits = FALSE), thing)
  assign(visitor, basket, envir = baskets)
  list(worker = Sys.info()[["nodename"]], basket = I(basket))
}
