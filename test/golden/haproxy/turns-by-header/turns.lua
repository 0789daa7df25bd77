core.register_task(function()
  for name, server in pairs(core.backends['turns'].servers) do
    local worker = core.backends['pool'].servers[name]
    if worker:get_stats()['status']:find('^DOWN') then
      server:set_maint()
      server:set_ready()
    end
  end
end)
